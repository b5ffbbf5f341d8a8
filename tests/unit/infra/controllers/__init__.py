"""Desk and door without a server."""
