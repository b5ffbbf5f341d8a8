"""Tests in one process, sockets off."""
