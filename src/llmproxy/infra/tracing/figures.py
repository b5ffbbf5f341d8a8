"""What is counted of all requests, followed or not."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from typing_extensions import override

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.journal import Closed
from llmproxy.application.interfaces.trace import Trace, Tried
from llmproxy.domain.model import Model
from llmproxy.domain.operation import Endpoint
from llmproxy.infra.tracing.histograms import (
    DURATION,
    FIRST_CHUNK,
    FIRST_TOKEN,
    HTTP_DURATION,
    MAX_SERIES,
    TOKENS,
    Counted,
    Histograms,
    Labels,
    Series,
    Value,
)
from llmproxy.infra.tracing.naming import OPERATIONS, Place, Places, method_of, route_of
from llmproxy.infra.tracing.record import Visit

FAILED: Final = 500
"""Statuses from here on are errors of a server (HTTP spans, "Status")."""
TOGETHER: Final = 64
"""So many requests that are alike wait to be counted at most."""
BEGUN_WELL: Final = 300
"""Statuses below are of answers that had begun well."""

INPUT: Final = ("gen_ai.token.type", "input")
OUTPUT: Final = ("gen_ai.token.type", "output")


class _Request(NamedTuple):
    """What requests are counted by. `error` is the code of what failed here or behind."""

    method: str
    path: str
    scheme: str
    status: int
    error: str | None


@dataclass(slots=True)
class _Line:
    """The series of attempts that are alike, found once and then at hand.

    `model` is held, so that no other can get its `id`.
    """

    model: Model
    place: Place
    labels: Labels
    duration: Series
    tokens: tuple[Series, Series] | None = None
    """Of its input and its output, once a provider has reported some."""


class _Usual:
    """Requests that one provider has answered, and are alike: their values are noted together.

    `line` is held for its model.
    """

    __slots__ = ("_noted", "_series", "line")

    def __init__(self, line: _Line, series: tuple[Series, Series, Series, Series]) -> None:
        self.line = line
        self._series = series
        self._noted: list[tuple[float, float, int, int]] = []

    def note(self, values: tuple[float, float, int, int]) -> None:
        """Note the durations of a request and of its attempt, its input and output tokens."""
        noted = self._noted
        noted.append(values)
        if len(noted) >= TOGETHER:
            self.sum_up()

    def sum_up(self) -> None:
        """Count what was noted."""
        noted, self._noted = self._noted, []
        for series, values in zip(self._series, zip(*noted, strict=True), strict=False):
            series.add(values)


class Figures(Histograms):
    """Counts what has ended.

    Labels are put together, and their series looked for, when they are new: equal requests and
    attempts find theirs by a short key. Only what is counted of first content looks each time.
    """

    def __init__(self, places: Places) -> None:
        super().__init__()
        self._places = places
        self._requests: dict[_Request, Series] = {}
        self._lines: dict[tuple[int, Endpoint, str | None], _Line] = {}
        self._usual: dict[tuple[int, str, int, str, str, Endpoint], _Usual] = {}

    def fold(self, visit: Visit, trace: Trace, ended_at: float) -> None:
        """Count one request that has ended at this monotonic time, and its attempts."""
        if not self._fold_usual(visit, trace, ended_at):
            self._fold_any(visit, trace, ended_at)

    def _fold_usual(self, visit: Visit, trace: Trace, ended_at: float) -> bool:
        """Count a request that one provider has answered; False where it is not so simple."""
        call, tries, status = visit.call, trace.tries, visit.status
        if call is None or len(tries) != 1 or not 0 < status < FAILED:
            return False
        entry, tried = call.entry, tries[0]
        attempt = tried.attempt
        if entry is None or entry.error is not None or entry.first_content_s is not None:
            return False
        usage = None if attempt is None else attempt.usage
        if attempt is None or attempt.error is not None or usage is None or usage.estimated:
            return False
        took, gave = usage.total_input_tokens, usage.total_output_tokens
        if not (took or gave):
            return False
        scope = visit.scope
        path, method, scheme = scope["path"], scope["method"], scope.get("scheme", "http")
        key = (id(tried.model), path, status, method, scheme, call.endpoint)
        usual = self._usual.get(key)
        if usual is None:
            request = _Request(method, path, scheme, status, None)
            usual = self._usual[key] = self._usual_of(request, tried.model, call.endpoint)
        usual.note((ended_at - visit.started_at, attempt.duration_s, took, gave))
        return True

    def _usual_of(self, request: _Request, model: Model, endpoint: Endpoint) -> _Usual:
        if len(self._usual) >= MAX_SERIES:
            self._sum_up()
        line = self._line(model, endpoint, None)
        series = (self._request(request), line.duration, *(line.tokens or self._tokens(line)))
        return _Usual(line, series)

    def _sum_up(self) -> None:
        """Count what took the usual course, and look for its series anew from now on."""
        usual, self._usual = self._usual, {}
        for each in usual.values():
            each.sum_up()

    def _fold_any(self, visit: Visit, trace: Trace, ended_at: float) -> None:
        scope, call, status = visit.scope, visit.call, visit.status
        entry = None if call is None else call.entry
        error = error_of(status, visit.error, entry)
        method, path, scheme = scope["method"], scope["path"], scope.get("scheme", "http")
        series = self._request(_Request(method, path, scheme, status, error))
        series.add((ended_at - visit.started_at,))
        if call is None:
            return
        for tried in trace.tries:
            self._fold_attempt(tried, call.endpoint, entry, ended_at)
        if entry is not None and entry.first_content_s is not None:
            self._fold_first_content(visit, trace, call, entry.first_content_s)

    def _fold_attempt(
        self, tried: Tried, endpoint: Endpoint, entry: Closed | None, ended_at: float
    ) -> None:
        attempt = tried.attempt
        if attempt is not None:
            error, duration_s, usage = attempt.error, attempt.duration_s, attempt.usage
        else:  # a session: it ends with the request, and used what that says
            error, duration_s = None, ended_at - tried.began
            usage = None if entry is None else entry.usage
        line = self._line(tried.model, endpoint, error)
        line.duration.add((duration_s,))
        if usage is None or usage.estimated:
            return  # an estimate of ours is none of the provider's figures
        took, gave = usage.total_input_tokens, usage.total_output_tokens
        if took or gave:
            tokens = line.tokens or self._tokens(line)
            tokens[0].add((took,))
            tokens[1].add((gave,))

    def _fold_first_content(
        self, visit: Visit, trace: Trace, call: Call, first_content_s: float
    ) -> None:
        tried = trace.answering()
        if tried is None:
            return
        error = None if tried.attempt is None else tried.attempt.error
        line = self._line(tried.model, call.endpoint, error)
        waited_s = max(0.0, visit.started_at + first_content_s - tried.began)
        self.series(FIRST_CHUNK, line.labels).add((waited_s,))
        labels: Labels = (
            ("gen_ai.operation.name", OPERATIONS[call.endpoint]),
            ("gen_ai.provider.name", line.place.provider),
            ("gen_ai.request.model", call.model),
        )
        self.series(FIRST_TOKEN, labels).add((first_content_s,))

    def _request(self, request: _Request) -> Series:
        series = self._requests.get(request)
        if series is None:
            series = self.series(HTTP_DURATION, http_labels(request))
            if len(self._requests) >= MAX_SERIES:
                self._requests.clear()  # paths may hold ids
            self._requests[request] = series
        return series

    def _line(self, model: Model, endpoint: Endpoint, error: str | None) -> _Line:
        key = (id(model), endpoint, error)
        line = self._lines.get(key)
        if line is None:
            place = self._places.of(model)
            labels = _labels(OPERATIONS[endpoint], place)
            failed = (*labels, ("error.type", error)) if error else labels
            line = _Line(model, place, labels, self.series(DURATION, failed))
            if len(self._lines) >= MAX_SERIES:
                self._lines.clear()
            self._lines[key] = line
        return line

    def _tokens(self, line: _Line) -> tuple[Series, Series]:
        line.tokens = (
            self.series(TOKENS, (*line.labels, INPUT)),
            self.series(TOKENS, (*line.labels, OUTPUT)),
        )
        return line.tokens

    @override
    def take(self) -> Counted:
        """Return what was counted, and begin anew."""
        self._sum_up()
        self._requests.clear()
        self._lines.clear()
        return super().take()


def http_labels(request: _Request) -> Labels:
    """Return how HTTP's conventions name a request."""
    labels: list[tuple[str, Value]] = [
        ("http.request.method", method_of(request.method)),
        ("url.scheme", request.scheme),
    ]
    route = route_of(request.path)
    if route is not None:
        labels.append(("http.route", route))
    if request.status:
        labels.append(("http.response.status_code", request.status))
    if request.error is not None:
        labels.append(("error.type", request.error))
    return tuple(labels)


def error_of(status: int, error: str | None, entry: Closed | None) -> str | None:
    """Return the code of what went wrong here or behind, None where nothing did.

    A refusal of the request (4xx) is no error of a server. An answer that had begun well and was
    not completed is one, by whosever fault but the client.
    """
    behind = None if entry is None else entry.error
    if status and status < FAILED and (behind is None or status >= BEGUN_WELL):
        return None
    return error or behind or (str(status) if status else "aborted")


def _labels(operation: str, place: Place) -> Labels:
    labels: list[tuple[str, Value]] = [
        ("gen_ai.operation.name", operation),
        ("gen_ai.provider.name", place.provider),
        ("gen_ai.request.model", place.model),
    ]
    if place.address is not None:
        labels.append(("server.address", place.address))
        if place.port is not None:
            labels.append(("server.port", place.port))
    return tuple(labels)
