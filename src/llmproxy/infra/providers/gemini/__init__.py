"""Gemini on Vertex AI: OpenAI's chat completions in the words of `generateContent`, and back."""
