"""The data plane: OpenAI's operations as plain ASGI endpoints."""
