"""Thought signatures: what the model signs, and what it takes back.

Source: Vertex AI's and the Gemini API's pages "Thought signatures" (2026): the first function call
of a step carries one; where Gemini 3 needs it, two documented dummies are taken instead. Words:
gemini-3.1-pro and gemini-3-pro-preview through Vertex AI, quoted by users in 2026 ("function call
`default_api:replace` in the 26. content block is missing a `thought_signature`"; "Thought signature
is not valid").
"""

import base64
import hashlib
import json
from typing import Any

from tests.simulators.answer import RefusalError
from tests.simulators.gemini.errors import invalid, unable
from tests.simulators.gemini.reading import decoded

Json = dict[str, Any]

_OURS = b"\x12\x9a\x01simulated-thought:"
_DUMMIES = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
_ACCEPTED = {decoded(dummy) for dummy in _DUMMIES} | {dummy.encode() for dummy in _DUMMIES}
_PAGE = "https://docs.cloud.google.com/vertex-ai/generative-ai/docs/thought-signatures"


def signature_of_call(name: str, args: object) -> str:
    """The signature of a function call, which fits no other call."""
    return _signed(f"{name}|{json.dumps(args, sort_keys=True)}")


def signature_of_text(text: str) -> str:
    """The signature of a text."""
    return _signed(f"text|{text}")


def check_signatures(contents: list[Json], *, required: bool) -> None:
    """Refuses signatures that the simulator did not make and, if `required`, steps of the current
    turn whose first call has none.
    """
    for content in contents:
        for part in content["parts"]:
            if part.get("thought_signature"):
                _check(part)
    if not required:
        return
    for index, content in enumerate(contents):
        if index < _start_of_turn(contents):
            continue
        calls = [part for part in content["parts"] if "function_call" in part]
        if calls and not calls[0].get("thought_signature"):
            raise _missing(calls[0]["function_call"].get("name", ""), index + 1)


def _start_of_turn(contents: list[Json]) -> int:
    """The last content of the user that is no function response."""
    return max(
        (
            index
            for index, content in enumerate(contents)
            if content.get("role") != "model"
            and not any("function_response" in part for part in content["parts"])
        ),
        default=0,
    )


def _signed(what: str) -> str:
    return base64.b64encode(_OURS + hashlib.sha256(what.encode()).digest()).decode()


def _check(part: Json) -> None:
    given = decoded(part["thought_signature"])
    if given in _ACCEPTED:
        return
    call = part.get("function_call")
    if call is None and given.startswith(_OURS):
        return  # a text may come back in other pieces than it went out in
    if call is not None and given == decoded(signature_of_call(call["name"], call.get("args", {}))):
        return
    raise unable("Thought signature is not valid..")


def _missing(name: str, block: int) -> RefusalError:
    return invalid(
        f"Unable to submit request because function call `default_api:{name}` in the {block}. "
        f"content block is missing a `thought_signature`. Learn more: {_PAGE}"
    )
