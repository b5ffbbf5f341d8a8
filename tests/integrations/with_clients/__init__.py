"""Vercel's AI SDK, curl, and the examples of docs/integrations.md."""
