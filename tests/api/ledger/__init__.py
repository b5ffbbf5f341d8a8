"""The ledger of the real server: killed, out of disk, without its store."""
