"""Signatures of thinking, which only the simulators can make, and know again.

A signature holds a digest of the thinking that is shown, one of what was thought, and a seal on
both: a broken seal is a forged signature, a digest that does not fit is changed thinking. All
simulators use one key, as the platforms do: a conversation may move between them
(platform.claude.com, "Extended thinking").
"""

import base64
import hashlib
import hmac

_KEY = b"the simulators' own key"
_DIGEST_BYTES = 32


def signature_of(shown: str, thought: str) -> str:
    """The signature of thinking of which this is shown, base64."""
    digests = _digest(shown) + _digest(thought)
    return base64.b64encode(digests + _seal(digests)).decode()


def is_genuine(signature: str) -> bool:
    """Whether a simulator made it."""
    try:
        data = base64.b64decode(signature, validate=True)
    except ValueError:
        return False
    return hmac.compare_digest(_seal(data[: 2 * _DIGEST_BYTES]), data[2 * _DIGEST_BYTES :])


def fits(signature: str, shown: str) -> bool:
    """Whether a genuine one was made for this."""
    return base64.b64decode(signature)[:_DIGEST_BYTES] == _digest(shown)


def _digest(thinking: str) -> bytes:
    return hashlib.sha256(thinking.encode()).digest()


def _seal(digests: bytes) -> bytes:
    return hmac.new(_KEY, digests, hashlib.sha256).digest()
