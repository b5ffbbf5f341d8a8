"""Callers without a key, who may name the project that their usage is counted for."""

from dataclasses import replace

from llmproxy.domain.caller import ANYONE, Caller
from llmproxy.domain.errors import InvalidRequest
from llmproxy.domain.project import project_fault


def anonymous(named: bytes | None) -> Caller:
    """Return the caller who gives this as its project. Raises InvalidRequest for no name."""
    if not named:
        return ANYONE
    try:
        tag = named.decode("utf-8")
    except UnicodeDecodeError:
        tag = ""
    fault = project_fault(tag)
    if fault:
        raise InvalidRequest(
            f"Invalid header 'X-Project-Id': it {fault}.",
            param="X-Project-Id",
            code="invalid_value",
        )
    return replace(ANYONE, tag=tag)
