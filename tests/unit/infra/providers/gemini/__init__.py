"""Chat completions in Gemini's words, and back."""
