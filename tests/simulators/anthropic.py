"""Anthropic's API: `POST /v1/messages`, `POST /v1/messages/count_tokens`, `GET /v1/models`,
`GET /v1/models/{id}`.

By hand: `python -m tests.simulators.anthropic --port 9001`, then
`Anthropic(base_url="http://127.0.0.1:9001", api_key="sk-ant-simulator")`. Faults: see `control.py`.

Headers: an answer of August 2025 in the tests of CRAN's tidyllm; platform.claude.com, "Rate
limits". Keys: the SDK of 2026 sends `Authorization: Bearer`, the ones before `x-api-key`, which
counts where both are sent.
"""

import ssl
from collections.abc import Mapping
from typing import Any

from tests.simulators.answer import Answer, Headers, json_answer
from tests.simulators.anthropic_wire.errors import anthropic_error, decoded, invalid
from tests.simulators.anthropic_wire.models import MODELS, ClaudeModel
from tests.simulators.anthropic_wire.service import settled, version_of
from tests.simulators.anthropic_wire.simulator import MAX_REQUEST_BYTES, ClaudeSimulator
from tests.simulators.http import Request
from tests.simulators.runner import parser_for, run, tls_from

_MESSAGES = "/v1/messages"
_COUNT = "/v1/messages/count_tokens"
_MODELS = "/v1/models"
_RESET = "2025-11-23T20:01:00Z"


class AnthropicSimulator(ClaudeSimulator):
    """Anthropic."""

    def __init__(
        self,
        *,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        api_key: str = "sk-ant-simulator",
        models: Mapping[str, ClaudeModel] = MODELS,
        max_request_bytes: int = MAX_REQUEST_BYTES,
    ) -> None:
        super().__init__(models=models, port=port, tls=tls, max_request_bytes=max_request_bytes)
        self.api_key = api_key

    def answer(self, request: Request) -> Answer:
        path = request.path
        if path not in {_MESSAGES, _COUNT, _MODELS} and not path.startswith(f"{_MODELS}/"):
            raise anthropic_error(404, "not_found_error", "Not found")
        if request.method != ("POST" if path in {_MESSAGES, _COUNT} else "GET"):
            raise anthropic_error(405, "invalid_request_error", "Method Not Allowed")
        self.check_size(request)
        self._check_key(request)
        version = version_of(request)
        _, headers = self.headers()
        if request.method == "GET":
            return self._list(request, path.removeprefix(_MODELS).strip("/"), headers)
        body = settled(decoded(request.body), request)
        if path == _MESSAGES:
            return self.claude.messages(body, version=version, headers=headers)
        return self.claude.count_tokens(body, version=version, headers=headers)

    def headers(self, status: int = 200) -> tuple[str, Headers]:
        request_id, headers = super().headers(status)
        return request_id, (
            *headers,
            *_limits(spent=status == 429),
            ("server", "cloudflare"),
            ("cf-ray", f"{request_id[-16:]}-GRU"),
            ("cf-cache-status", "DYNAMIC"),
            ("x-robots-tag", "none"),
        )

    def _check_key(self, request: Request) -> None:
        key = request.header("x-api-key")
        bearer = request.header("authorization")
        if key is None and bearer is None:
            raise anthropic_error(401, "authentication_error", "x-api-key header is required")
        if key is not None and key != self.api_key:
            raise anthropic_error(401, "authentication_error", "invalid x-api-key")
        if key is None and bearer != f"Bearer {self.api_key}":
            raise anthropic_error(401, "authentication_error", "Invalid bearer token")

    def _list(self, request: Request, name: str, headers: Headers) -> Answer:
        if name:
            return json_answer(_info(self.claude.model(name)), headers=headers)
        listed = [_info(model) for model in self.claude.models.values()]
        names = [info["id"] for info in listed]
        after = request.parameter("after_id")
        start = names.index(after) + 1 if after in names else 0
        page = listed[start : start + _limit(request)]
        return json_answer(
            {
                "data": page,
                "has_more": start + len(page) < len(listed),
                "first_id": page[0]["id"] if page else None,
                "last_id": page[-1]["id"] if page else None,
            },
            headers=headers,
        )


def _limit(request: Request) -> int:
    given = request.parameter("limit") or "20"
    if not given.isdecimal() or not 1 <= int(given) <= 1000:
        raise invalid("limit: Input should be between 1 and 1000")
    return int(given)


def _info(model: ClaudeModel) -> dict[str, Any]:
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.display_name,
        "created_at": model.created_at,
        "lifecycle": "active",
        "max_input_tokens": 200_000,
        "max_tokens": model.max_tokens,
    }


def _limits(*, spent: bool) -> Headers:
    """The rate limits; nothing is left of the requests when they are spent."""
    kinds = {"requests": 4_000, "input-tokens": 2_000_000, "output-tokens": 400_000}
    return tuple(
        (f"anthropic-ratelimit-{kind}-{name}", value)
        for kind, limit in kinds.items()
        for name, value in (
            ("limit", str(limit)),
            ("remaining", "0" if spent and kind == "requests" else str(limit - 1)),
            ("reset", _RESET),
        )
    )


def main() -> None:
    """Serve by hand."""
    options = parser_for(__doc__).parse_args()
    key = options.api_key or "sk-ant-simulator"
    run(lambda: AnthropicSimulator(port=options.port, tls=tls_from(options), api_key=key))


if __name__ == "__main__":
    main()
