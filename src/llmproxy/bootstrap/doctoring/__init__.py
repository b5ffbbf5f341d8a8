"""The parts of `llmproxy doctor`: real adapters, asked for what they find.

Nothing is changed by it: a store is looked at as it is, a new one is not made.
"""
