"""A machine or a network in a bad way: what the gateway still does, and that it recovers."""
