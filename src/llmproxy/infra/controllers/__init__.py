"""Doors of the gateway: bytes in, use case, bytes out."""
