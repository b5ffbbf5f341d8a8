"""The composition root: the only package that names concrete adapters.

`store.py` opens the documents and keys (command line and server), `serving.py` puts the running
gateway together.
"""
