"""Requests as the door hands them over."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.journal import Attempt, Closed, Outcome
from llmproxy.application.interfaces.trace import Trace
from llmproxy.domain.caller import Caller
from llmproxy.domain.usage import Usage
from llmproxy.infra.tracing.figures import Figures
from llmproxy.infra.tracing.histograms import Counted, Histograms
from llmproxy.infra.tracing.record import Ended, Visit
from llmproxy.infra.tracing.sampling import Sampler, sampler
from llmproxy.infra.tracing.tracer import Count, Tracer, ended_of
from tests.fakes.calls import CALLER, chat_call, google_model

ALL = sampler("always_on", 1)


@dataclass
class Arrived:
    """What is read of a request; `lines` are its headers."""

    lines: list[tuple[bytes, bytes]] = field(default_factory=list)
    path: str = "/v1/chat/completions"
    method: str = "POST"
    status: int = 200
    request_id: str = "req_1"
    started_at: float = 100.0
    caller: Caller | None = CALLER
    call: Call | None = None
    error: str | None = None
    head: bytes = b""
    trace: Trace | None = None

    @property
    def scope(self) -> dict[str, Any]:
        """The ASGI scope."""
        server = ("127.0.0.1", 8000)
        return {
            "path": self.path,
            "method": self.method,
            "headers": self.lines,
            "scheme": "http",
            "server": server,
        }

    @property
    def kept_bytes(self) -> int:
        """How many bytes of its question it holds on to."""
        return 0 if self.call is None else self.call.prompt_bytes

    @property
    def headers(self) -> dict[bytes, bytes]:
        """Its headers, of those that repeat the last."""
        return dict(self.lines)


def entry(usage: Usage, *attempts: Attempt, **changes: Any) -> Closed:  # noqa: ANN401
    """What the journal was told of a call that took a second."""
    outcome = changes.pop("outcome", Outcome.FINISHED)
    said: dict[str, Any] = {"error": None, "first_content_s": None, "cost_nano": 1_500_000_000}
    said |= changes
    return Closed(
        request_id="req_1",
        at=1_800_000_000.0,
        key_id="key_1",
        project="alpha",
        model="shown",
        operation="ChatCompletion",
        deployment="shown",
        outcome=outcome,
        status=200,
        attempts=list(attempts),
        usage=usage,
        currency="USD",
        counted=1,
        duration_s=1.0,
        overhead_s=0.0,
        stream=False,
        **said,
    )


def traced(visit: Arrived, sampled: Sampler = ALL, count: Count | None = None) -> Tracer:
    """Let a request arrive at a tracer of its own."""
    tracer = Tracer(sampled, count)
    visit.trace = tracer.begin(visit)
    return tracer


class Over(NamedTuple):
    """A request that is over, as the tracer counts it."""

    visit: Visit
    trace: Trace
    ended_at: float


def over(
    *attempts: Attempt | None, sampled: Sampler = ALL, first_content_s: float | None = None
) -> Over:
    """A chat completion that was asked of these in turn, each a second after the other.

    None is one that still works when the request ends.
    """
    visit = Arrived(call=chat_call({"temperature": 0.5, "max_tokens": 9}))
    seen: list[Over] = []
    tracer = traced(visit, sampled, lambda *each: seen.append(Over(*each)))
    assert visit.trace is not None
    assert visit.call is not None
    for number, attempt in enumerate(attempts):
        tried = visit.trace.tried(google_model("GoogleVertex", "gemini-pro"), 100.0 + number)
        assert tried is not None
        tried.attempt = attempt
    usage = next((each.usage for each in attempts if each and each.usage), Usage())
    made = [each for each in attempts if each is not None]
    visit.call.entry = entry(usage, *made, first_content_s=first_content_s)
    tracer.end(visit, 100.0 + len(attempts))
    tracer.look()
    return seen[0]


def answered(*attempts: Attempt | None, first_content_s: float | None = None) -> Ended:
    """The same, as it is told when it is followed."""
    return ended_of(*over(*attempts, first_content_s=first_content_s))


def told(figures: Figures) -> Counted:
    """What figures have counted, summed up; they begin anew."""
    summed = Histograms()
    summed.add(figures.take())
    return summed.counted
