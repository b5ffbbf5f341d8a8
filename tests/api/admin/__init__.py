"""Administration over HTTP, on a real server."""
