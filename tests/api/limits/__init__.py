"""Limits and budgets that hold: the real server over real sockets, before simulated providers."""
