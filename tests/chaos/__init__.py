"""Chaos: a server under steady load while its providers fail at random; `scripts/chaos`."""
