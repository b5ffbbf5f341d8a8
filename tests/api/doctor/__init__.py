"""`llmproxy doctor` over real pieces: simulators, Redis, Cosmos DB's emulator, a gateway."""
