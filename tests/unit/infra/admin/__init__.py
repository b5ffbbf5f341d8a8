"""Administration over HTTP, without a server."""
