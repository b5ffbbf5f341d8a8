"""Following the store: what it holds is mirrored, read and installed as the registry's snapshot.

`mirror.py` follows one feed, `models.py` makes deployments of documents, `callers.py` callers of
keys, `last_good.py` keeps what was read on disk, `keeper.py` puts them together.
"""
