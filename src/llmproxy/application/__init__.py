"""What the gateway does with a call, in terms of ports."""
