"""The composition root, in parts."""
