"""Models behind LiteLLM, in an environment that has LiteLLM and the server's own packages."""
