"""Providers without their connections."""
