"""Contents on spans, put together where a setting asks for them."""

import logging
from collections.abc import Mapping

from typing_extensions import override

from llmproxy.application.interfaces.trace import SAMPLED
from llmproxy.bootstrap.contents import redaction_of, whose
from llmproxy.config.logs import ContentRules
from llmproxy.infra.controllers.recorded_visit import RecordedVisit
from llmproxy.infra.telemetry.content.on_spans import WORDS, SpanContents
from llmproxy.infra.tracing.contents import Contents
from llmproxy.infra.tracing.record import Visit

logger = logging.getLogger("llmproxy.content")


class FollowedVisit(RecordedVisit):
    """Keeps what is asked and answered of requests that are followed; of others nothing."""

    @property
    @override
    def keeps(self) -> bool:
        return self.trace is not None and bool(self.trace.flags & SAMPLED)


class ContentsOnSpans(Contents):
    """Lets the spans of requests tell what was asked and answered."""

    def __init__(self, rules: ContentRules, most_bytes: int | None) -> None:
        """Read the operator's expressions, which blocks. Raises StartRefused.

        `most_bytes` is what those who are told take of one attribute, None where that is no matter.
        """
        redaction, out = redaction_of(rules, WORDS)
        logger.warning(
            "what is asked and answered leaves with traces "
            "(OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT): of %s, without secrets and %s",
            whose(rules),
            out,
        )
        self._contents = SpanContents(
            redaction,
            projects=rules.projects,
            max_bytes=min(rules.max_bytes, most_bytes or rules.max_bytes),
        )

    @override
    def keep(self, span_id: int, visit: Visit) -> None:
        if isinstance(visit, RecordedVisit):
            self._contents.keep(span_id, visit)

    @override
    def forget(self, span_id: int) -> None:
        self._contents.forget(span_id)

    @override
    def attributes(self, span_id: int) -> Mapping[str, str | bool]:
        return self._contents.attributes(span_id)

    @override
    def counts(self) -> Mapping[str, float]:
        return self._contents.counts()
