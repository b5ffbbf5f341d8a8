"""Secrets: the real server before a simulated key vault, mounted files and a file of variables."""
