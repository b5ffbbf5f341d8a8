"""Tests of LLM Proxy, in folders named by what they cost."""
