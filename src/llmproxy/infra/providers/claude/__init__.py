"""Claude, which speaks Anthropic's Messages: at Anthropic, on Azure AI Foundry, on Vertex AI."""
