"""Providers that speak another wire than OpenAI's: one frame, and a translation per wire."""
