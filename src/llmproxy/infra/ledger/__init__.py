"""The append-only journal of calls and its way into the store."""
