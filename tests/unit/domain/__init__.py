"""Tests of the domain: pure functions and values."""
