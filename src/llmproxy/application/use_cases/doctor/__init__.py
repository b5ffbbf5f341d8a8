"""What `llmproxy doctor` finds: checks side by side, and what their facts mean for people."""
