"""Adapters: everything that touches a socket, a file, a framework or a vendor."""
