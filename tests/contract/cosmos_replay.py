"""A transport that answers from a file, while the whole pipeline of azure-cosmos runs over it."""

import asyncio
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from azure.core.pipeline.transport import AsyncHttpResponse, AsyncHttpTransport, HttpRequest
from multidict import CIMultiDict
from typing_extensions import override

RECORDED = Path(__file__).parents[1] / "recorded" / "cosmos"


class Answer(AsyncHttpResponse):
    """One answer of the file."""

    def __init__(self, request: HttpRequest, rule: dict[str, Any]) -> None:
        super().__init__(request, None)
        self.status_code = rule["status"]
        self.headers = CIMultiDict(
            {"x-ms-activity-id": "a", "x-ms-request-charge": "2.83", **rule.get("headers", {})}
        )
        self.reason = ""
        self.content_type = "application/json"
        # A 304 has no body: the SDK fails on an empty object there.
        self._text = "" if rule["status"] == 304 else json.dumps(rule.get("body", {}))

    @override
    def body(self) -> bytes:
        return self._text.encode()

    async def load_body(self) -> None:
        """Nothing is left to read."""


@dataclass
class Replay(AsyncHttpTransport[HttpRequest, AsyncHttpResponse]):
    """Answers with the first rule that fits: method, url (a pattern), headers that it needs.

    A rule with `times` is used up; one with `step` counts in that step only.
    """

    rules: list[dict[str, Any]]
    step: int = 1
    log: list[tuple[str, str, int]] = field(default_factory=list)

    @classmethod
    def of(cls, name: str) -> Self:
        """Read the rules of a file."""
        return cls(json.loads((RECORDED / f"{name}.json").read_text("utf-8"))["rules"])

    @override
    async def send(self, request: HttpRequest, **_options: Any) -> AsyncHttpResponse:
        for rule in self.rules:
            if self._fits(rule, request):
                if "times" in rule:
                    rule["times"] -= 1
                path = request.url.split(".com")[-1]
                self.log.append((request.method, path, rule["status"]))
                return Answer(request, rule)
        raise AssertionError(f"unexpected: {request.method} {request.url} {request.headers}")

    def _fits(self, rule: dict[str, Any], request: HttpRequest) -> bool:
        return (
            rule["method"] == request.method
            and re.search(rule["url"], request.url) is not None
            and rule.get("times", 1) > 0
            and rule.get("step", self.step) == self.step
            and all(
                needed in request.headers.get(name, "")
                for name, needed in rule.get("needs", {}).items()
            )
        )

    async def sleep(self, duration: float) -> None:
        """Wait between two tries."""
        await asyncio.sleep(duration)

    @override
    async def open(self) -> None:
        """Nothing to open."""

    @override
    async def close(self) -> None:
        """Nothing to close."""

    @override
    async def __aexit__(self, *_reason: object) -> None:
        """Nothing to close."""
