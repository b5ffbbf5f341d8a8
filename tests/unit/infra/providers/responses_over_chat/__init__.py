"""Responses over a chat that answers as a test says."""
