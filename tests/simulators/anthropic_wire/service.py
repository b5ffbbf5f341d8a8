"""Claude behind any of its doors: a decoded body in, an answer out. What a platform adds (keys,
headers, where the version stands) is the platform's.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.simulators.answer import Answer, Headers, json_answer, typed_stream
from tests.simulators.anthropic_wire.errors import STREAM_ERROR, anthropic_error, invalid
from tests.simulators.anthropic_wire.message import message_events, message_object
from tests.simulators.anthropic_wire.models import MODELS, ClaudeModel
from tests.simulators.anthropic_wire.reply import reply_to
from tests.simulators.anthropic_wire.rules import (
    FIRST_VERSION,
    LATEST_VERSION,
    check_rules,
    check_shape,
)
from tests.simulators.anthropic_wire.tokens import PromptCache, count
from tests.simulators.faults import fault_named
from tests.simulators.http import Request

Json = dict[str, Any]

VERSIONS = (FIRST_VERSION, LATEST_VERSION)

_STRUCTURED = "structured-outputs-2025-11-13"
_BETA = re.compile(r"[a-z0-9-]+-20\d\d-\d\d-\d\d")


class Claude:
    """The models and their prompt cache. `platform` stands in ids: `vrtx_` on Vertex AI."""

    def __init__(self, models: Mapping[str, ClaudeModel] = MODELS, *, platform: str = "") -> None:
        self.models = models
        self._platform = platform
        self._cache = PromptCache()

    def forget(self) -> None:
        """Empty the prompt cache."""
        self._cache = PromptCache()

    def messages(self, body: Json, *, version: str, headers: Headers = ()) -> Answer:
        """The answer to a message. Raises RefusalError."""
        check_shape(body, version=version)
        model = self.model(body["model"])
        check_rules(body, model, version=version)
        reply = reply_to(body, model, platform=self._platform)
        spent = self._cache.spend(body, model.id)
        if body.get("stream"):
            events = typed_stream(message_events(reply, spent), headers)
            return replace(events, stream_error=STREAM_ERROR)
        return json_answer(message_object(reply, spent), headers=headers)

    def count_tokens(self, body: Json, *, version: str, headers: Headers = ()) -> Answer:
        """How many input tokens the message would have. Raises RefusalError."""
        check_shape(body, version=version, counting=True)
        check_rules(body, self.model(body["model"]), version=version)
        return json_answer({"input_tokens": count(body)}, headers=headers)

    def model(self, name: str) -> ClaudeModel:
        """The model of that name, or one named after a fault."""
        if fault_named(name) is not None:
            return next(iter(self.models.values()))
        if name in self.models:
            return self.models[name]
        for model in self.models.values():
            if model.id == name:
                return model
        raise anthropic_error(404, "not_found_error", f"model: {name}")


def settled(body: Json, request: Request) -> Json:
    """The body with what a beta lets stand elsewhere put in its place: `output_format`, with which
    structured outputs began (beta structured-outputs-2025-11-13; litellm 1.110.2 sends it).
    """
    if "output_format" not in body or _STRUCTURED not in (request.header("anthropic-beta") or ""):
        return body
    config = (body.get("output_config") or {}) | {"format": body["output_format"]}
    return {name: body[name] for name in body if name != "output_format"} | {
        "output_config": config
    }


def version_of(request: Request) -> str:
    """The version that the header names, and its betas, if they are well named."""
    version = request.header("anthropic-version")
    if version is None:
        raise invalid("anthropic-version: header is required")
    if version not in VERSIONS:
        raise invalid(f"anthropic-version: {version} is not a valid version")
    given = [beta.strip() for beta in (request.header("anthropic-beta") or "").split(",")]
    unknown = [beta for beta in given if beta and not _BETA.fullmatch(beta)]
    if unknown:
        raise invalid(
            f"Unexpected value(s) `{'`, `'.join(unknown)}` for the `anthropic-beta` header. Please "
            "consult our documentation at docs.claude.com or try again without the header."
        )
    return version
