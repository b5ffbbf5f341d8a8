"""The application over hand-written fakes: no socket, no file, no clock of its own."""
