"""LLM Proxy: one OpenAI-compatible door in front of many model providers."""

__version__ = "0.1.0"
