"""The suite that every model type passes, asked through the official SDKs over the real server."""
