"""Embeddings, completions, moderations and images through the gateway."""
