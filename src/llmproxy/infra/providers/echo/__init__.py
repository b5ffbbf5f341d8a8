"""The model that needs no account, one module per operation that it offers."""
