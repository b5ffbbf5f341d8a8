"""The Anthropic Messages wire, as api.anthropic.com, Microsoft Foundry and Vertex AI serve it.

What a body must be (`shapes`, `blocks`, `rules`, `turns`), what the model answers (`reply`), and
how that is said (`message`). `service.Claude` puts them together.

Shapes: anthropic 2.12.0, `anthropic/types`. Versions: platform.claude.com, "Versions" and
"Migrating to API version 2026-10-21", October 2026. Words of refusals: errors of the API that its
users quoted in public issues, 2024 to 2026; where none was found, the words follow the form of the
others.

Not here: server tools (their definitions are taken, never used), batches, files, beta parameters.
"""
