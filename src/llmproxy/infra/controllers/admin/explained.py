"""An explanation in JSON (`infra/schemas/explain.py`); bodies stand in it as their very bytes."""

from base64 import b64encode
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.rendering import Rendered
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.steps.stand_ins import StandIn
from llmproxy.application.use_cases.explain import Candidate, Explanation, LeftOut
from llmproxy.domain.caller import Caller
from llmproxy.domain.errors import GatewayError
from llmproxy.domain.pricing import NANO
from llmproxy.infra.controllers.errors import envelope, row_of
from llmproxy.infra.wire.unreadable import UNREADABLE

_raw: Final = msgspec.json.Decoder(msgspec.Raw).decode
Json = dict[str, Any]
NO_KEY: Final = "project:"
"""Begins the id that stands for any key of a project; keys have other ids."""


def unexplained(refused: Json) -> Json:
    """Return the answer about a request that comes to no call."""
    return {
        "model": None,
        "stream": None,
        "served_by": None,
        "refused": refused,
        "candidates": [],
        "left_out": [],
        "tokens": None,
        "reservation": None,
        "limits": [],
        "stand_ins": [],
        "warnings": [],
    }


def explained(call: Call, explanation: Explanation) -> Json:
    """Return the answer about a call."""
    serves, held = explanation.serves, explanation.reservation
    refused = explanation.refused
    likely = explanation.likely
    return {
        "model": call.model,
        "stream": call.stream,
        "served_by": None if serves is None else serves.model.id,
        "refused": None if refused is None else refusal(refused.by, refused.error),
        "candidates": [
            _candidate(turn, each) for turn, each in enumerate(explanation.candidates, start=1)
        ],
        "left_out": [_left_out(each) for each in explanation.left_out],
        "tokens": {
            "prompt_at_most": explanation.prompt_tokens,
            "output_at_most": explanation.output_tokens,
            "prompt_likely": likely.total_input_tokens,
            "output_likely": likely.total_output_tokens,
        },
        "reservation": None
        if held is None
        else {"tokens": held.tokens, "cost": _money(held.currency, held.cost_nano)},
        "limits": [limit._asdict() for limit in explanation.limits],
        "stand_ins": [_stand_in(each) for each in explanation.stand_ins],
    }


def caller_shown(caller: Caller) -> Json:
    """Return who calls."""
    return {
        "key_id": None if caller.key_id.startswith(NO_KEY) else caller.key_id,
        "project": caller.project,
        "models": None if caller.models is None else sorted(caller.models),
        "admin": caller.admin,
    }


def refusal(by: str, error: GatewayError) -> Json:
    """Return what the caller would be answered, and what refuses."""
    return {"by": by, **_failure(error)}


def _failure(error: GatewayError) -> Json:
    return {"status": row_of(error).status, **envelope(error)}


def _named(deployment: Deployment) -> Json:
    model = deployment.model
    return {"deployment": model.id, "provider": model.provider, "model_type": model.model_type}


def _candidate(turn: int, candidate: Candidate) -> Json:
    rendered, cost = candidate.rendered, candidate.cost
    return {
        **_named(candidate.deployment),
        "turn": turn,
        "state": candidate.state,
        "last_resort": not candidate.well,
        "request": None if rendered is None else _request(rendered),
        "changed": [] if rendered is None else rendered.changed,
        "dropped": [] if rendered is None else rendered.dropped,
        "refuses": None if candidate.refuses is None else _failure(candidate.refuses),
        "cost_at_most": _money(cost.currency, cost.at_most_nano),
        "cost_likely": _money(cost.currency, cost.likely_nano),
    }


def _stand_in(stand_in: StandIn) -> Json:
    refusal = stand_in.refusal
    return {
        "cause": stand_in.cause,
        "model": stand_in.model,
        "deployments": [each.model.id for each in stand_in.plan],
        "refused": None if refusal is None else _failure(refusal),
    }


def _left_out(left: LeftOut) -> Json:
    return {**_named(left.deployment), "code": left.code, "reason": left.reason}


def _request(rendered: Rendered) -> Json:
    body = rendered.body or b""
    return {
        "method": rendered.method,
        "url": rendered.url,
        "headers": rendered.headers,
        **_body(body),
        "body_bytes": len(body),
        "further": [each["body"] for each in map(_body, rendered.further)],
    }


def _body(body: bytes) -> Mapping[str, object]:
    try:
        return {"body": _raw(body), "body_base64": None}
    except UNREADABLE:
        return {"body": None, "body_base64": b64encode(body).decode("ascii")}


def _money(currency: str, nano: int) -> Json:
    return {"currency": currency, "nano": nano, "amount": f"{Decimal(nano) / NANO:f}"}
