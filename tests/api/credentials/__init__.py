"""Tokens that expire: the real server before simulated issuers and providers that check them."""
