"""The registry in Azure Cosmos DB.

`account.py` is the one client of a process, `failures.py` what its errors mean, `transport.py` what
it costs; `shelf.py` is how documents of one kind look in a container. Over it lie the repositories
and `feed.py`; `initialise.py` makes the containers. docs/cosmos.md is for those who set it up.

The SDK takes 150 ms to import: these modules are imported only where Cosmos DB is used.
"""
