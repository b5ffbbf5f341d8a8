"""The ports: small Protocols, each with the errors it may raise."""
