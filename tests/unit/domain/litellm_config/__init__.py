"""Tests of the import of LiteLLM's configs."""
