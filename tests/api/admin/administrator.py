"""Who asks the administration of a real server."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tests.api.asking import Answer, ask, bearer
from tests.api.gateway import Gateway

ADMIN_KEY = "sk-llmproxy-environment-0123456789abcdef"
TAKES_EFFECT_S = 5.0
HELLO = [{"role": "user", "content": "Hello!"}]


@dataclass(frozen=True, slots=True)
class Administrator:
    """Requests with one key, or with none."""

    gateway: Gateway
    key: str | None = ADMIN_KEY

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Send one request; an underscore in the name of a header is a hyphen."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named |= {} if self.key is None else bearer(self.key)
        return ask(self.gateway.url, path, method=method, headers=named, body=body)

    def done(self, method: str, path: str, body: object = None, **headers: str) -> Any:  # noqa: ANN401
        """The JSON of an answer that must be good."""
        answer = self.ask(method, path, body, **headers)
        assert answer.status in {200, 201, 204}, answer.body
        return answer.json if answer.body else None

    def with_key(self, key: str | None) -> "Administrator":
        """The same with another key."""
        return replace(self, key=key)

    def new_key(self, **rights: object) -> tuple[str, str]:
        """Make a key: its id and the key itself."""
        made = self.done("POST", "/admin/keys", rights)
        return made["id"], made["key"]

    def chats(self, key: str, model: str) -> Callable[[], bool]:
        """Whether this key may chat with this model."""
        body = {"model": model, "messages": HELLO}
        asking = self.with_key(key)
        return lambda: asking.ask("POST", "/v1/chat/completions", body).status == 200

    def status(self, key: str) -> int:
        """How a key is answered."""
        return self.with_key(key).ask("GET", "/v1/models").status
