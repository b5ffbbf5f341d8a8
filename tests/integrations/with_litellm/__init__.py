"""LiteLLM's SDK as a client."""
