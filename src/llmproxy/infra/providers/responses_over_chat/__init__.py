"""`/v1/responses` for models that only chat: translated both ways over any adapter that chats."""
