"""Tests of the command line through its own runner, on a store in a temporary folder."""
