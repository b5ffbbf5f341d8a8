"""Codecs under both sides (JSON, SSE): bytes to values, no behaviour."""
