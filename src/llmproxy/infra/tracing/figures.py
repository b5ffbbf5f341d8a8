"""What is counted of all requests, followed or not."""

from dataclasses import dataclass
from typing import Final

from typing_extensions import override

from llmproxy.application.interfaces.journal import Attempt
from llmproxy.application.interfaces.trace import Tried
from llmproxy.domain.model import Model
from llmproxy.domain.usage import Usage
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
from llmproxy.infra.tracing.record import Asked, Ended

FAILED: Final = 500
"""Statuses from here on are errors of a server (HTTP spans, "Status")."""

INPUT: Final = ("gen_ai.token.type", "input")
OUTPUT: Final = ("gen_ai.token.type", "output")


@dataclass(slots=True)
class _Line:
    """The series of attempts that are alike, found once and then at hand."""

    place: Place
    labels: Labels
    duration: Series
    tokens: tuple[Series, Series] | None = None
    """Of its input and its output, once a provider has reported some."""


class Figures(Histograms):
    """Counts what has ended.

    Labels are put together, and their series looked for, when they are new: equal requests and
    attempts find theirs by a short key. Only what is counted of first content looks each time.
    """

    def __init__(self, places: Places) -> None:
        super().__init__()
        self._places = places
        self._requests: dict[tuple[str, str, str, int, str | None], Series] = {}
        self._lines: dict[tuple[str, str, str | None], _Line] = {}

    def fold(self, ended: Ended) -> None:
        """Count one request and its attempts."""
        self._request(ended).add(ended.ended_at - ended.started_at, HTTP_DURATION.bounds)
        asked = ended.asked
        if asked is None:
            return
        operation = OPERATIONS[asked.endpoint]
        for tried in ended.trace.tries:
            self._fold_attempt(ended, operation, tried)
        entry = asked.entry
        if entry is not None and entry.first_content_s is not None:
            self._fold_first_content(ended, operation, asked, entry.first_content_s)

    def _fold_attempt(self, ended: Ended, operation: str, tried: Tried) -> None:
        attempt = tried.attempt
        if attempt is None:
            error, duration_s = None, ended.ended_at - tried.began
        else:
            error, duration_s = attempt.error, attempt.duration_s
        line = self._line(operation, tried.model, error)
        line.duration.add(duration_s, DURATION.bounds)
        usage = _reported(attempt, ended.asked)
        if usage is None:
            return
        if line.tokens is None:
            line.tokens = (
                self.series(TOKENS, (*line.labels, INPUT)),
                self.series(TOKENS, (*line.labels, OUTPUT)),
            )
        line.tokens[0].add(usage.total_input_tokens, TOKENS.bounds)
        line.tokens[1].add(usage.total_output_tokens, TOKENS.bounds)

    def _fold_first_content(
        self, ended: Ended, operation: str, asked: Asked, first_content_s: float
    ) -> None:
        tried = ended.trace.answering()
        if tried is None:
            return
        line = self._line(
            operation, tried.model, None if tried.attempt is None else tried.attempt.error
        )
        waited_s = max(0.0, ended.started_at + first_content_s - tried.began)
        self.series(FIRST_CHUNK, line.labels).add(waited_s, FIRST_CHUNK.bounds)
        labels: Labels = (
            ("gen_ai.operation.name", operation),
            ("gen_ai.provider.name", line.place.provider),
            ("gen_ai.request.model", asked.model),
        )
        self.series(FIRST_TOKEN, labels).add(first_content_s, FIRST_TOKEN.bounds)

    def _request(self, ended: Ended) -> Series:
        error = error_type(ended)
        key = (ended.method, ended.path, ended.scheme, ended.status, error)
        series = self._requests.get(key)
        if series is None:
            series = self.series(HTTP_DURATION, http_labels(ended, error))
            if len(self._requests) >= MAX_SERIES:
                self._requests.clear()  # paths may hold ids
            self._requests[key] = series
        return series

    def _line(self, operation: str, model: Model, error: str | None) -> _Line:
        place = self._places.of(model)
        key = (operation, model.id, error)
        line = self._lines.get(key)
        if line is None or line.place is not place:
            labels = _labels(operation, place)
            failed = (*labels, ("error.type", error)) if error else labels
            line = _Line(place, labels, self.series(DURATION, failed))
            if len(self._lines) >= MAX_SERIES:
                self._lines.clear()
            self._lines[key] = line
        return line

    @override
    def take(self) -> Counted:
        """Return what was counted, and begin anew."""
        self._requests.clear()
        self._lines.clear()
        return super().take()


def http_labels(ended: Ended, error: str | None) -> Labels:
    """Return how HTTP's conventions name a request."""
    labels: list[tuple[str, Value]] = [
        ("http.request.method", method_of(ended.method)),
        ("url.scheme", ended.scheme),
    ]
    route = route_of(ended.path)
    if route is not None:
        labels.append(("http.route", route))
    if ended.status:
        labels.append(("http.response.status_code", ended.status))
    if error is not None:
        labels.append(("error.type", error))
    return tuple(labels)


def error_type(ended: Ended) -> str | None:
    """Return the code of what went wrong here or behind, None where nothing did.

    A refusal of the request (4xx) is no error of a server.
    """
    if ended.status and ended.status < FAILED and not _broke_off(ended):
        return None
    entry = None if ended.asked is None else ended.asked.entry
    said = ended.error or (None if entry is None else entry.error)
    return said or (str(ended.status) if ended.status else "aborted")


def _broke_off(ended: Ended) -> bool:
    """Whether an answer that had begun well was not completed, by whosever fault but the client."""
    entry = None if ended.asked is None else ended.asked.entry
    return ended.status < 300 and entry is not None and entry.error is not None


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


def _reported(attempt: Attempt | None, asked: Asked | None) -> Usage | None:
    """Return what the provider reported; an estimate of ours is none of its figures."""
    usage = None if attempt is None else attempt.usage
    if attempt is None and asked is not None and asked.entry is not None:
        usage = asked.entry.usage  # a session: the sum of what it used
    return None if usage is None or usage.estimated or not usage.total_tokens else usage
