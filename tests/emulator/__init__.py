"""Azure Cosmos DB's protocol on this machine: a Node program and what starts it."""
