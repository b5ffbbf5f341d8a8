"""Where answers are kept: in this process, or in Redis."""
