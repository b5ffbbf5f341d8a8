"""An explanation in words for people; `infra/schemas/explain.py` says what its fields are."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import msgspec

from llmproxy.domain.pricing import NANO

MAX_SHOWN: Final = 4_000
"""Characters of a body: pictures and sounds are long, and `--json` shows all."""


class _Request(msgspec.Struct):
    method: str
    url: str
    headers: list[tuple[str, str]]
    body: msgspec.Raw
    body_base64: str | None
    body_bytes: int
    further: list[msgspec.Raw]


class _Candidate(msgspec.Struct):
    deployment: str
    provider: str
    model_type: str
    turn: int
    state: str
    last_resort: bool
    request: _Request | None
    changed: list[str]
    dropped: list[str]
    refuses: dict[str, Any] | None
    cost_at_most: dict[str, Any]
    cost_likely: dict[str, Any]


class _Answer(msgspec.Struct):
    endpoint: str
    caller: dict[str, Any]
    model: str | None
    stream: bool | None
    served_by: str | None
    refused: dict[str, Any] | None
    candidates: list[_Candidate]
    left_out: list[dict[str, Any]]
    tokens: dict[str, int] | None
    reservation: dict[str, Any] | None
    limits: list[dict[str, Any]]
    stand_ins: list[dict[str, Any]]
    warnings: list[str]


_answer: Final = msgspec.json.Decoder(_Answer).decode


def words(answer: bytes) -> str:
    """Return the lines."""
    return "\n".join(_lines(_answer(answer)))


def _lines(answer: _Answer) -> Iterator[str]:
    caller = answer.caller
    names = [caller["key_id"], caller["project"] and f"the project {caller['project']}"]
    streamed = ", streamed" if answer.stream else ""
    yield f"request   POST {answer.endpoint}{streamed}, from {' of '.join(filter(None, names))}"
    if answer.model is not None:
        yield f"model     {answer.model}"
    if answer.refused is not None:
        refused = answer.refused
        code = refused["error"]["code"] or refused["error"]["type"]
        yield f"refused   by the {refused['by']}: {refused['status']} {code}"
        yield f"          {refused['error']['message']}"
    else:
        yield f"answer    from {answer.served_by}"
    yield from _figures(answer)
    for warning in answer.warnings:
        yield f"warning   {warning}"
    for candidate in answer.candidates:
        yield ""
        yield from _candidate(candidate)
    if answer.left_out or answer.stand_ins:
        yield ""
    for each in answer.stand_ins:
        refused = each["refused"]
        why = "" if refused is None else f" (left out: {refused['error']['message']})"
        yield f"stands in {each['model']} after {each['cause']}{why}"
    for left in answer.left_out:
        yield f"left out  {left['deployment']} ({left['model_type']}): {left['reason']}"


def _figures(answer: _Answer) -> Iterator[str]:
    tokens, held = answer.tokens, answer.reservation
    if tokens is not None:
        yield (
            f"tokens    at most {tokens['prompt_at_most']:,} in, {tokens['output_at_most']:,} out;"
            f" likely {tokens['prompt_likely']:,} in, {tokens['output_likely']:,} out"
        )
    if held is not None:
        yield f"reserves  {_money(held['cost'])}, {held['tokens']:,} tokens"
    for limit in answer.limits:
        used, most = _amount(limit, "used"), _amount(limit, "most")
        taken = f", {_amount(limit, 'held')} held" if limit["held"] else ""
        unit = limit["currency"] or limit["unit"]
        yield f"limit     {used} of {most} {unit}{taken} per {limit['scope']} ({limit['setting']})"


def _candidate(candidate: _Candidate) -> Iterator[str]:
    resort = f", last resort: {candidate.state}" if candidate.last_resort else ""
    yield f"{candidate.turn}. {candidate.deployment}  ({candidate.model_type}{resort})"
    most, likely = _money(candidate.cost_at_most), _money(candidate.cost_likely)
    yield f"   costs    at most {most}, likely {likely}"
    for name, fields in (("changed", candidate.changed), ("dropped", candidate.dropped)):
        if fields:
            yield f"   {name}  {', '.join(fields)}"
    request, refuses = candidate.request, candidate.refuses
    if refuses is not None:
        yield f"   refuses  {refuses['status']}: {refuses['error']['message']}"
    elif request is None:
        yield "   sends    nothing: the gateway answers by itself"
    else:
        yield from _request(request)


def _request(request: _Request) -> Iterator[str]:
    yield f"   {request.method} {request.url}"
    for name, value in request.headers:
        yield f"   {name}: {value}"
    yield ""
    if request.body_base64 is not None:
        yield f"   ({request.body_bytes:,} bytes that are not JSON)"
        return
    for body in (request.body, *request.further):
        text = msgspec.json.format(bytes(body), indent=2).decode()
        more = len(text) - MAX_SHOWN
        if more > 0:
            text = f"{text[:MAX_SHOWN]}… ({more:,} characters more: --json shows all)"
        for line in text.splitlines():
            yield f"   {line}"


def _amount(limit: dict[str, Any], name: str) -> str:
    """Write what is used or allowed; costs come in nano-units."""
    amount: int = limit[name]
    if not limit["currency"]:
        return f"{amount:,}"
    return f"{(Decimal(amount) / NANO).normalize():,f}"


def _money(money: dict[str, Any]) -> str:
    return f"{money['amount']} {money['currency']}"
