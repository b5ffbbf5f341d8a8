"""Every other provider: LiteLLM's translators between our transport and our streams.

LiteLLM is a translator only. Its classes make a request's URL, headers and body, and read answers
and chunks; they never send, wait, retry, cache or log, and cannot open a connection (`closed.py`).
It is an extra of the package and imported when a registered model needs it (`loading.py`).
"""
