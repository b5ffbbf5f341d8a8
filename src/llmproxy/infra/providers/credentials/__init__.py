"""Credentials whose tokens expire: Entra ID and Google, renewed before a request needs them."""
