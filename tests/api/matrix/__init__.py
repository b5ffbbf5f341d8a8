"""The fault matrix: every fault of a provider, for each shape of a model, plain and streamed."""
