"""Answers that are kept, and requests that are sent twice, over real sockets."""
