"""The control plane: models, keys and usage behind FastAPI."""
