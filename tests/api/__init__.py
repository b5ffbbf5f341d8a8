"""The real server as a subprocess, official SDKs as clients."""
