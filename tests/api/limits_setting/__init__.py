"""Setting limits at a running gateway, and workers that could not count them."""
