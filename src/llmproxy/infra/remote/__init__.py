"""The administration of a running gateway, asked over HTTP with an admin key."""
