"""The command line against a running gateway, over HTTP."""
