"""Answers that are kept, in OpenAI's words."""
