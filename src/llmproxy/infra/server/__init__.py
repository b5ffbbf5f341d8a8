"""The HTTP/1.1 server protocol that `llmproxy serve` gives to uvicorn."""
