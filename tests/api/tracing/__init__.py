"""Traces and their figures, as collectors receive them."""
