"""Traces and their figures."""
