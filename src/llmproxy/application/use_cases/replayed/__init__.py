"""Calls that need no provider of their own: asked before, or being answered for somebody else.

Answers are kept for the same question (`cached.py`) and for the same `Idempotency-Key` (`once.py`);
what both share, calls that several wait for and answers given again, is in `sharing.py`.
"""
