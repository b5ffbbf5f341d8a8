"""How a transcript is wanted: what a form says of it, and what of that a model can do."""

from collections.abc import Collection, Mapping, Sequence

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.operation import Endpoint
from llmproxy.infra.providers.google_media.given import Given, check_rest
from llmproxy.infra.providers.google_media.transcript import Form
from llmproxy.infra.providers.translated.chat_request import invalid
from llmproxy.infra.providers.translated.remarks import Remarks

SHARED = frozenset(("file", "response_format", "timestamp_granularities"))
NEUTRAL: Mapping[str, Sequence[object]] = {
    "prompt": ("",),
    "temperature": ("0", "0.0"),
    "chunking_strategy": ("auto",),
}
STREAMED = ("json", "text")
GRANULARITIES = frozenset(("segment", "word"))


def form_wanted(
    call: Call,
    given: Given,
    remarks: Remarks,
    kinds: Collection[str],
    supported: frozenset[str],
) -> Form:
    """Return the form of the answer. Raises InvalidRequest for what the model cannot do."""
    check_rest(given, remarks, SHARED | supported, NEUTRAL)
    kind = given.text("response_format") or "json"
    if kind not in kinds:
        words = f"this model writes {', '.join(kinds)}"
        raise invalid("response_format", words, code="unsupported_value")
    if call.stream and kind not in STREAMED:
        words = f"only {' and '.join(STREAMED)} can be streamed"
        raise invalid("response_format", words, code="unsupported_value")
    task = "translate" if call.endpoint is Endpoint.AUDIO_TRANSLATIONS else "transcribe"
    return Form(kind, call.stream, _granularities(given, kind), task)


def _granularities(given: Given, kind: str) -> frozenset[str]:
    asked = given.values.get("timestamp_granularities")
    if asked is None:
        return frozenset(("segment",))
    listed = frozenset([asked] if isinstance(asked, str) else asked)
    if not listed <= GRANULARITIES or kind != "verbose_json":
        raise invalid(
            "timestamp_granularities",
            "expected `word` and `segment`, with a `response_format` of verbose_json",
        )
    return listed
