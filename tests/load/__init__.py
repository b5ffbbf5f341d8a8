"""Load: the simulated provider, the run of `scripts/load`, and what its users ask and expect."""
