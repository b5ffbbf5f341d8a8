"""Which deployment a call belongs to, because it may have cached the beginning of its prompt.

Providers cache prompts by their beginnings, per machine or deployment, and bill what they find
there at a fraction (developers.openai.com, "Prompt caching": `prompt_cache_key` is combined with
the prompt's prefix to choose a machine). Calls of one key go to one deployment, and when that is
away, to the same other one.

Rendezvous hashing: every deployment draws a number for the key, and the best wins. When one leaves,
only its own keys move; a weight is a share of the keys. (D. Thaler, C. Ravishankar, "A Name-Based
Mapping Scheme for Rendezvous", 1996; weights: J. Resch, "New Hashing Algorithms for Data Storage",
SNIA 2015.)
"""

from collections.abc import Sequence
from hashlib import blake2b
from math import log
from typing import Final

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.operation import Operation
from llmproxy.domain.routing import Affinity

CACHE_KEY: Final = "prompt_cache_key"
PREFIX_BYTES: Final = 1024
"""About 256 tokens, by which OpenAI itself chooses a machine (developers.openai.com, "Prompt
caching", "How it works"): long enough to tell applications apart, and what changes comes later."""
_PROMPTS: Final = ("messages", "input", "prompt")
_CACHED: Final = frozenset({Operation.CHAT_COMPLETION, Operation.RESPONSES})
_NULL: Final = b"null"
_BITS: Final = 53
_MASK: Final = (1 << 64) - 1
_ODD: Final = 0x9E3779B97F4A7C15
"""2**64 divided by the golden ratio: D. Knuth, "The Art of Computer Programming", 6.4."""
_SCALE: Final = 2.0**-_BITS


def key_of(call: Call, affinity: Affinity) -> int | None:
    """Return a number of 64 bits for what the call has in common with others, None for nothing.

    Projects have nothing in common.
    """
    if affinity is Affinity.OFF:
        return None
    body = call.body
    text = body.value(CACHE_KEY)
    if text is None or text == _NULL:
        if affinity is Affinity.KEY or call.operation not in _CACHED:
            return None
        text = _beginning(call)
        if text is None:
            return None
    caller = call.caller
    return _hashed(f"{caller.project or caller.tag}\0".encode() + text)


def _beginning(call: Call) -> bytes | None:
    body = call.body
    for field in _PROMPTS:
        text = body.value(field)
        if text is not None:
            before = body.value("instructions")  # stands before the input of /v1/responses
            return ((before or b"")[:PREFIX_BYTES] + text[:PREFIX_BYTES])[:PREFIX_BYTES]
    return None


def seed_of(identifier: str) -> int:
    """Return the number of 64 bits that stands for a deployment, the same in every process."""
    return _hashed(identifier.encode("utf-8", "surrogatepass"))


def _hashed(text: bytes) -> int:
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")


def draws(key: int, seeds: Sequence[int], weights: Sequence[float] | None) -> list[float]:
    """Return what each deployment draws for a key: the least wins, in `weight` of the cases.

    Without weights all are the same. Of a product the upper bits depend on all bits below; they
    are brought down once, so that keys and seeds that are alike draw numbers that are not.
    """
    mixed = [(key ^ seed) * _ODD & _MASK for seed in seeds]
    drawn = [((each ^ each >> 32) * _ODD & _MASK) >> 11 for each in mixed]
    if weights is None:
        return [-each for each in drawn]
    return [
        -log((each + 0.5) * _SCALE) / weight for each, weight in zip(drawn, weights, strict=True)
    ]
