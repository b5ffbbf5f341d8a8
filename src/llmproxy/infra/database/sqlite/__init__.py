"""Adapters of the repositories over one SQLite file."""
