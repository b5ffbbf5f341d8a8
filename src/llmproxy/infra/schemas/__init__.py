"""The control plane's words: request and response bodies."""
