"""Each wait for a provider has its own limit, and its own word when that has passed."""
