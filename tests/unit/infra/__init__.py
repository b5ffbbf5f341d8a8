"""Adapters, one process, no network."""
