"""The proof that nothing changes on the way but what is written down."""
