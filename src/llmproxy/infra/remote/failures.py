"""What a gateway refuses with, as the errors of administration."""

import json
from collections.abc import Mapping
from typing import Final

from llmproxy.domain import errors

_BY_STATUS: Final[Mapping[int, type[errors.CallerError]]] = {
    400: errors.InvalidRequest,
    401: errors.Unauthenticated,
    403: errors.Forbidden,
    409: errors.AlreadyExists,
    412: errors.EtagMismatch,
    413: errors.TooLarge,
}
_BY_CODE: Final[Mapping[str, type[errors.CallerError]]] = {
    "not_found": errors.UnknownItem,
    "read_only": errors.ReadOnly,
    "limits_need_redis": errors.LimitsNeedRedis,
}
_KEY: Final = "LLMPROXY_ADMIN_KEY is sent: does it hold an admin key of that gateway?"


def failure(where: str, status: int, body: bytes) -> errors.GatewayError:
    """Return the error that an answer means; `where` names the gateway."""
    said = _envelope(body)
    if said is None or status >= 500:
        words = f": {said['message']}" if said is not None else ""
        return errors.Unavailable(f"{where} answered with {status}{words}", detail="")
    message, code = str(said["message"]), str(said.get("code") or "")
    kind = _BY_CODE.get(code) or _BY_STATUS.get(status)
    if kind is None:
        hint = "Is it a gateway of this version, and its administration served there?"
        return errors.UnknownUrl(f"{where}: {message}", hint=hint if status == 404 else "")
    param = said.get("param")
    return kind(
        message,
        code=code or None,
        param=param if isinstance(param, str) else None,
        hint=_KEY if status in (401, 403) else "",
    )


def _envelope(body: bytes) -> Mapping[str, object] | None:
    """Return the inside of OpenAI's envelope, None when the body is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    error = found.get("error") if isinstance(found, dict) else None
    return error if isinstance(error, dict) and isinstance(error.get("message"), str) else None
