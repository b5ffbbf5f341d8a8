"""Upstreams that fail in every way, seen from a bare socket and from the journal."""
