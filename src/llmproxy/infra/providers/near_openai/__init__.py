"""Vendors whose wire is nearly OpenAI's: Mistral and AI21 on Vertex AI."""
