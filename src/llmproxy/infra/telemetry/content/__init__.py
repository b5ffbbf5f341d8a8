"""The log of contents: what callers ask and are answered, redacted, where a setting asks for it."""
