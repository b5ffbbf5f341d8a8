"""`/v1/responses` through the gateway: made, found again, and what belongs to whom."""
