"""Calls as the desk makes them of a client's body."""

import json
from typing import Any

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.caller import Caller
from llmproxy.domain.model import Model, Parameters
from llmproxy.domain.operation import OPERATION_OF, Endpoint
from llmproxy.infra.wire.json_object import JsonObject

CALLER = Caller(key_id="key_1", project="alpha", models=None, admin=False, expires_at=None)


def chat_call(body: dict[str, Any], endpoint: Endpoint = Endpoint.CHAT_COMPLETIONS) -> Call:
    """Return the call of a request for the model `shown`."""
    asked = JsonObject(json.dumps({"model": "shown", **body}).encode())
    return Call(
        request_id="req_1",
        caller=CALLER,
        endpoint=endpoint,
        operation=OPERATION_OF[endpoint],
        model="shown",
        body=asked,
        prompt_bytes=len(asked.raw),
        max_output_tokens=None,
        choices=body.get("n") or 1,
        stream=body.get("stream") is True,
        silence_s=None,
        started_at=0.0,
    )


def google_model(model_type: str, name: str, **parameters: Any) -> Model:  # noqa: ANN401
    """Return a registered model of Google's; `name` is the provider's."""
    place = {"gcp_project": "p", "location": "us-central1"}
    return Model(
        id="shown",
        code="shown",
        name="Shown",
        provider="Google",
        model_type=model_type,
        projects=frozenset(),
        private=False,
        parameters=Parameters(model=name, **{**place, **parameters}),
        price=None,
        operations=frozenset(),
        document={},
    )
