"""Tests of administration over HTTP, without HTTP."""
