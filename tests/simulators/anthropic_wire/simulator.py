"""What the simulators share that serve nothing but Claude."""

import itertools
import ssl
from collections.abc import Mapping

from tests.simulators.answer import Answer, Headers, RefusalError
from tests.simulators.anthropic_wire.errors import (
    anthropic_error,
    error_answer,
    failure,
)
from tests.simulators.anthropic_wire.models import ClaudeModel
from tests.simulators.anthropic_wire.service import Claude
from tests.simulators.http import Request
from tests.simulators.rules import named_model
from tests.simulators.simulator import Simulator

# platform.claude.com, "Errors": the Messages API takes 32 MB.
MAX_REQUEST_BYTES = 32 * 1024 * 1024


class ClaudeSimulator(Simulator):
    """A door to Claude. A subclass adds `answer`, and what its platform's headers are."""

    def __init__(
        self,
        *,
        models: Mapping[str, ClaudeModel],
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        max_request_bytes: int = MAX_REQUEST_BYTES,
    ) -> None:
        super().__init__(port=port, tls=tls)
        self.claude = Claude(models)
        self.max_request_bytes = max_request_bytes
        self._served = itertools.count(1)

    def reset(self) -> None:
        super().reset()
        self.claude.forget()

    def model_of(self, request: Request) -> str | None:
        return named_model(request.body)

    def refusal(self, error: RefusalError) -> Answer:
        request_id, headers = self.headers(error.status)
        return error_answer(error, headers, request_id)

    def failure(self, status: int) -> RefusalError:
        return failure(status)

    def headers(self, status: int = 200) -> tuple[str, Headers]:  # noqa: ARG002 - a subclass looks
        """The request id, and the headers that every answer of the platform has."""
        request_id = f"req_011C{next(self._served):020d}"
        organization = "a1b2c3d4-0000-4000-8000-000000000001"
        return request_id, (
            ("date", "Sun, 23 Nov 2025 20:00:00 GMT"),
            ("request-id", request_id),
            ("anthropic-organization-id", organization),
            ("strict-transport-security", "max-age=31536000; includeSubDomains; preload"),
        )

    def check_size(self, request: Request) -> None:
        """What is larger never reaches the API."""
        if len(request.body) > self.max_request_bytes:
            raise anthropic_error(413, "request_too_large", "Request exceeds the maximum size")
