"""The translation between OpenAI's chat completions and Anthropic's Messages."""
