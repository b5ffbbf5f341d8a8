"""`/_simulator/…`: how a test in another process plans faults and reads what arrived. Never
recorded itself.

- `GET /_simulator/requests`, `DELETE` forgets them
- `POST /_simulator/faults` with a list of rules (see `faults.rule_from_json`), `GET` shows what is
left, `DELETE` clears
- `POST /_simulator/listener` with `{"closed_for_ms": 500}`: refuses connections for that long and
drops the open ones
"""

import asyncio
import json
from typing import TYPE_CHECKING, Any

from tests.simulators.answer import Answer, json_answer
from tests.simulators.faults import rule_from_json
from tests.simulators.http import Request

if TYPE_CHECKING:
    from tests.simulators.simulator import Simulator

PREFIX = "/_simulator/"

_LET_THE_ANSWER_OUT_S = 0.02


def control(simulator: "Simulator", request: Request) -> Answer:
    """Answer a control request; 400 says what was not understood."""
    name = request.path.removeprefix(PREFIX)
    handler = {
        ("GET", "requests"): _show_requests,
        ("DELETE", "requests"): _forget_requests,
        ("GET", "faults"): _show_faults,
        ("POST", "faults"): _plan_faults,
        ("DELETE", "faults"): _clear_faults,
        ("POST", "listener"): _close_listener,
    }.get((request.method, name))
    if handler is None:
        return json_answer({"error": f"no control {request.method} {request.path}"}, status=404)
    try:
        return json_answer(handler(simulator, request))
    except (ValueError, TypeError, AttributeError) as error:
        return json_answer({"error": str(error)}, status=400)


def _show_requests(simulator: "Simulator", _: Request) -> object:
    return [record.as_json() for record in simulator.requests]


def _forget_requests(simulator: "Simulator", _: Request) -> object:
    simulator.requests.clear()
    return {}


def _show_faults(simulator: "Simulator", _: Request) -> object:
    return [
        {
            "fault": rule.fault.kind,
            "times": rule.times,
            "match": {"model": rule.model, "path": rule.path, "contains": rule.contains},
        }
        for rule in simulator.faults.rules
    ]


def _plan_faults(simulator: "Simulator", request: Request) -> object:
    value: Any = json.loads(request.body)
    rules = [rule_from_json(item) for item in (value if isinstance(value, list) else [value])]
    simulator.faults.rules.extend(rules)
    return {"planned": len(rules)}


def _clear_faults(simulator: "Simulator", _: Request) -> object:
    simulator.faults.rules.clear()
    return {}


def _close_listener(simulator: "Simulator", request: Request) -> object:
    closed_for_s = float(json.loads(request.body)["closed_for_ms"]) / 1000

    async def refuse() -> None:
        await asyncio.sleep(_LET_THE_ANSWER_OUT_S)
        await simulator.refuse()
        await asyncio.sleep(closed_for_s)
        await simulator.listen()

    simulator.in_background(refuse())
    return {"closed_for_ms": closed_for_s * 1000}
