"""The ids of responses in a provider's answers, exchanged for those that clients see.

Nothing else of an answer is touched: each id is exchanged where it stands.
"""

import msgspec

from llmproxy.application.response_ids import ResponseIds
from llmproxy.domain.errors import Broken
from llmproxy.infra.wire.json_splice import raw_fields, spliced
from llmproxy.infra.wire.unreadable import UNREADABLE

NAMES = ("id", "previous_response_id")
_text = msgspec.json.Decoder(str).decode


class ShownIds:
    """The ids of the responses that one deployment makes."""

    def __init__(self, ids: ResponseIds, deployment: str) -> None:
        self._ids = ids
        self._deployment = deployment

    def in_answer(self, answer: bytes, project: str | None) -> bytes:
        """Return a response with its own id and that of the one before it exchanged."""
        fields = raw_fields(answer)
        if fields is None:
            return answer
        return _spliced(answer, fields, self._changes(fields, project))

    def in_event(self, content: bytes, project: str | None) -> tuple[bytes, str]:
        """Return an event's data with the ids of its `response` exchanged, and the provider's id.

        An event without a response is returned as it is, with an empty id.
        """
        fields = raw_fields(content)
        inner = None if fields is None else fields.get("response")
        if fields is None or inner is None:
            return content, ""
        response = bytes(inner)
        held = raw_fields(response)
        if held is None:
            return content, ""
        changed = _spliced(response, held, self._changes(held, project))
        return _spliced(content, fields, {"response": changed}), _string(held.get("id"))

    def _changes(self, fields: dict[str, msgspec.Raw], project: str | None) -> dict[str, bytes]:
        changes: dict[str, bytes] = {}
        for name in NAMES:
            upstream = _string(fields.get(name))
            if upstream:
                shown = self._ids.shown(upstream, self._deployment, project)
                changes[name] = b'"%b"' % shown.encode("ascii")
        return changes


def _string(text: msgspec.Raw | None) -> str:
    if text is None:
        return ""
    try:
        return _text(text)
    except UNREADABLE:
        return ""


def _spliced(text: bytes, fields: dict[str, msgspec.Raw], changes: dict[str, bytes]) -> bytes:
    try:
        return spliced(text, fields, changes)
    except ValueError as error:
        broken = Broken("The provider's answer is not what was asked for.")
        broken.detail = str(error)
        raise broken from error
