"""Where documents live: memory, snapshot, SQLite."""
