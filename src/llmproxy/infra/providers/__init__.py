"""Upstreams: transport, wire rules and credentials of each vendor."""
