"""Tests of the room `infra/secrets`."""
