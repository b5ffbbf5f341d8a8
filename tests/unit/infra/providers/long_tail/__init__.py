"""Models behind LiteLLM, as far as they can be tested without it; the rest is tests/long_tail."""
