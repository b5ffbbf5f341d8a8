"""Telling people that a share of a limit is reached."""
