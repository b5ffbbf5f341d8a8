"""What the gateway costs, beside nginx, sglang-router and LiteLLM's proxy; see `scripts/bench`."""
