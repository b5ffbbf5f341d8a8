"""Providers that speak OpenAI's wire.

A table of URL, authentication and body rules over the shared transport.
"""
