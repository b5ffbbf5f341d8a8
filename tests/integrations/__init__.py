"""Tools that others make, as clients of the real server: docs/integrations.md says what they do.

`with_clients` runs in the environment of the vendors' SDKs, `with_litellm` where LiteLLM is.
"""
