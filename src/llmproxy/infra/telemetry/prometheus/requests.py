"""Requests by their route, method and status, those that never became a call among them."""

from collections.abc import Container, Iterator
from typing import Any, Final, Protocol

from llmproxy.infra.telemetry.prometheus import families
from llmproxy.infra.telemetry.prometheus.family import Family, labelled
from llmproxy.infra.telemetry.prometheus.series import OTHER, sample

METHODS: Final = frozenset(("GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"))
PREFIXES: Final = ("/admin", "/health", "/metrics", "/v1/models", "/v1/usage", "/docs", "/openapi")
"""What the control plane serves, each with all that lies behind it."""
VERSION: Final = "/v1/"


class Log(Protocol):
    """Takes one line per request."""

    def write(self, visit: Any, duration_s: float) -> None:  # noqa: ANN401 - whatever it takes
        """Note that this request has ended."""


class Counted:
    """A log whose requests are counted.

    `exact` hold paths that are served; `groups` their beginnings, up to the third slash.
    """

    def __init__(self, log: Log, exact: tuple[Container[str], ...], groups: Container[str]) -> None:
        self._write = log.write
        self._exact = exact
        self._groups = groups
        self._counts: dict[tuple[str, str, int], int] = {}

    def write(self, visit: Any, duration_s: float) -> None:  # noqa: ANN401 - see Log
        """Count a request that has ended, and note it."""
        scope = visit.scope
        # The very key of a path that is a route of its own, which most are.
        key = (scope["path"], scope["method"], visit.status)
        if key in self._counts:
            self._counts[key] += 1
        else:
            self._count(*key)
        self._write(visit, duration_s)

    def _count(self, path: str, method: str, status: int) -> None:
        key = (self._route(path), method if method in METHODS else OTHER, status)
        self._counts[key] = self._counts.get(key, 0) + 1

    def blocks(self, worker: str) -> Iterator[tuple[Family, Iterator[str]]]:
        """Yield the family with its samples."""
        yield families.HTTP_REQUESTS, self._samples(worker)

    def _samples(self, worker: str) -> Iterator[str]:
        family = families.HTTP_REQUESTS
        for (route, method, status), count in sorted(self._counts.items()):
            labels = labelled(family.labels, (route, method, str(status)))
            yield sample(family.name, worker, labels, str(count))

    def _route(self, path: str) -> str:
        """Return what of a path is a label: the paths that are served, and nothing of ids."""
        if any(path in each for each in self._exact):
            return path
        group = path[: path.find("/", len(VERSION)) + 1]
        if group and group in self._groups:
            return f"{group}{{id}}"
        for prefix in PREFIXES:
            if path == prefix or path.startswith(f"{prefix}/"):
                return prefix
        return OTHER
