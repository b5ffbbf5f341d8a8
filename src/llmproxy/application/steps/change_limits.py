"""Limits as administrators write and change them, and where they could not be counted."""

from collections.abc import Mapping
from typing import Final

from llmproxy.application.interfaces.administration import Document
from llmproxy.application.interfaces.counting import Counting
from llmproxy.domain.errors import LimitsNeedRedis
from llmproxy.domain.fields import Fields, Findings
from llmproxy.domain.limit import RULE_FIELDS, Limits, read_limits
from llmproxy.domain.merge_patch import merge_patch

BOUNDS: Final = (*RULE_FIELDS, "concurrent_requests")
"""The words that limit something; the others say how."""
LIMIT_WORDS: Final = ("limits", "model_limits")
"""The fields of a document that limit something."""
_NOTHING: Final[Document] = {}


def limits_written(written: object, findings: Findings) -> Limits | None:
    """Read an object of limits; null and an empty one are none.

    One that only seems to limit, such as one with nothing but a currency, is a problem.
    """
    fields = Fields({"limits": written}, "", findings)
    limits = read_limits(fields, "limits")
    if limits is None and written and not findings.problems:
        fields.problem("limits", "limits nothing", f"name one of {', '.join(BOUNDS)}, or give null")
    return limits


def limits_patched(present: Limits | None, patch: object, findings: Findings) -> Limits | None:
    """Return the limits as a JSON Merge Patch (RFC 7396) changes them.

    With the last bound that is taken away, currency and alerts go too.
    """
    merged = merge_patch(None if present is None else present.document(), patch)
    takes_away = isinstance(patch, Mapping) and all(value is None for value in patch.values())
    if takes_away and isinstance(merged, Mapping) and not any(word in merged for word in BOUNDS):
        return None
    return limits_written(merged, findings)


def makes_limits(after: object, before: Document | None) -> bool:
    """Whether a document limits something that it did not limit in the same way before.

    What is no document does not: it is refused in words of its own.
    """
    if not isinstance(after, Mapping):
        return False
    old = _NOTHING if before is None else before
    return any(after.get(word) and after.get(word) != old.get(word) for word in LIMIT_WORDS)


def refuse_limits(counting: Counting) -> None:
    """Raise LimitsNeedRedis, with what to do, when limits cannot hold now."""
    fault = counting.fault()
    if fault is not None:
        raise LimitsNeedRedis(f"Nothing was kept: {fault}.", param="limits")


def sets_limits(patch: Document) -> bool:
    """Whether a JSON Merge Patch sets a limit; one that only takes away does not."""
    return any(_sets(patch.get(word)) for word in LIMIT_WORDS)


def _sets(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(inner is not None for inner in value.values())
    return value is not None
