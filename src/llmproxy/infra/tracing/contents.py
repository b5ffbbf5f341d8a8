"""What is asked and answered, on the spans of requests, where a setting asks for it.

Elsewhere nothing of this is made, and nothing of it costs anything.
"""

from abc import abstractmethod
from collections.abc import Mapping
from sys import getsizeof
from typing import Final, Protocol

from opentelemetry.sdk.trace import ReadableSpan
from typing_extensions import override

from llmproxy.infra.tracing.record import Ended, Visit
from llmproxy.infra.tracing.sampling import Sampler
from llmproxy.infra.tracing.tracer import Count, Tracer

MAX_BYTES: Final = 64 * 1024 * 1024
"""Of contents that wait for one place; more goes without."""
BATCH_BYTES: Final = 1024 * 1024
"""Of contents in one message, or one span's: collectors take no more than some megabytes."""
AZURE_BYTES: Final = 256 * 1024
"""azure-monitor-opentelemetry-exporter 1.0.0b58 (`_utils.py`) cuts an attribute of contents at so
many characters, in the middle of its JSON; any other at 8,192."""
ATTRIBUTES: Final = (
    "gen_ai.system_instructions",
    "gen_ai.input.messages",
    "gen_ai.output.messages",
)
TRUNCATED: Final = "llmproxy.content.truncated"


class Contents(Protocol):
    """Keeps contents from the end of a request until its span is made, by the id of the span."""

    @abstractmethod
    def keep(self, span_id: int, visit: Visit) -> None:
        """Keep those of a request that has ended; called by the event loop."""

    @abstractmethod
    def forget(self, span_id: int) -> None:
        """Let go of those that are not told."""

    @abstractmethod
    def attributes(self, span_id: int) -> Mapping[str, str | bool]:
        """Return what the span of a request says of them, and let go of them; raises nothing."""

    @abstractmethod
    def counts(self) -> Mapping[str, float]:
        """Return figures since the start."""


class TellingTracer(Tracer):
    """A tracer that hands over the contents of requests that are followed."""

    def __init__(
        self,
        sampler: Sampler,
        contents: Contents,
        count: Count | None = None,
    ) -> None:
        super().__init__(sampler, count)
        self._contents = contents

    @override
    def _follow(self, visit: Visit, ended: Ended) -> None:
        # Before it is handed over: the thread that takes it asks for them.
        self._contents.keep(ended.trace.span_id, visit)
        super()._follow(visit, ended)

    @override
    def counts(self) -> Mapping[str, float]:
        return {**super().counts(), **self._contents.counts()}


def bytes_of(span: ReadableSpan) -> int:
    """Return about how many bytes a span's contents take in memory; a message may take twice."""
    said = span.attributes or {}
    texts = [str(said[name]) for name in ATTRIBUTES if name in said]
    # Outside of ASCII every character takes what the widest does, up to four.
    return sum(len(each) if each.isascii() else getsizeof(each) for each in texts)


def without(span: ReadableSpan) -> ReadableSpan:
    """Return a span without its contents, which says that they were left out."""
    said = span.attributes or {}
    left = {name: value for name, value in said.items() if name not in ATTRIBUTES}
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=left | {TRUNCATED: True},
        events=span.events,
        kind=span.kind,
        status=span.status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
