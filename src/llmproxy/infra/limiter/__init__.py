"""Reservations of requests, tokens and money."""
