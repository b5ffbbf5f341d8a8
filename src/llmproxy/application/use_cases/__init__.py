"""One use case per flow, none of which imports another."""
