"""A request that would be sent, for people to look at: as it is, but for secrets.

What is harmless is on a list; every other header and parameter of a URL is masked, so that a
provider's new way of sending a key shows nothing before somebody has thought about it.
"""

import json
import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from llmproxy.application.interfaces.call import Outgoing
from llmproxy.application.interfaces.rendering import Rendered
from llmproxy.domain.secret import Secret
from llmproxy.infra.providers.transport.target import Target

MASK: Final = "*****"
HARMLESS: Final = frozenset(
    (
        "accept",
        "accept-encoding",
        "anthropic-beta",
        "anthropic-version",
        "content-length",
        "content-type",
        "extra-parameters",
        "host",
        "user-agent",
        "x-amz-date",
    )
)
"""Headers that say nothing of an account."""
HARMLESS_PARAMETERS: Final = frozenset(("alt", "api-version"))
"""`alt=sse` is how Google is asked for events, `api-version` Azure's."""
SCHEMES: Final = frozenset(("basic", "bearer"))
MIN_HIDDEN: Final = 8
"""A masked value as long as this is masked in URL and body too; a shorter one may be any word."""
_PARAMETER: Final = re.compile(r"(?<=[?&])([^=&]*)=([^&]*)")


def rendered(
    target: Target,
    body: bytes | Outgoing,
    *,
    signed: bool,
    changed: tuple[str, ...] = (),
    further: tuple[bytes, ...] = (),
    secrets: Sequence[Secret] = (),
) -> Rendered:
    """Return the request that the transport would make of these (`transport/connection.py`).

    `signed` says that a token is added when it is sent: none is asked for here. `secrets` are
    masked wherever they stand, besides the values of masked headers.
    """
    first, *lines = target.head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, path, _ = first.split(" ", 2)
    pairs = [_pair(line) for line in lines]
    if signed:
        pairs.append(("authorization", f"Bearer {MASK}"))
    if isinstance(body, bytes):
        pairs.append(("content-length", f"{len(body)}"))
    hidden = _written([*_hidden(pairs), *(each.expose() for each in secrets)])
    url = path if path.startswith("http://") else f"{_root(target)}{path}"
    return Rendered(
        method,
        _without(_PARAMETER.sub(_parameter, url), hidden),
        [(name, _shown(name, value)) for name, value in pairs],
        _bare(body, hidden) if isinstance(body, bytes) else None,
        changed,
        further=tuple(_bare(each, hidden) for each in further),
    )


def _root(target: Target) -> str:
    return f"{target.origin.scheme}://{target.origin.authority}"


def _pair(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.strip()


def _shown(name: str, value: str) -> str:
    if name.lower() in HARMLESS:
        return value
    scheme, blank, _ = value.partition(" ")
    return f"{scheme} {MASK}" if blank and scheme.lower() in SCHEMES else MASK


def _parameter(found: re.Match[str]) -> str:
    name, value = found[1], found[2]
    return f"{name}={value if name.lower() in HARMLESS_PARAMETERS else MASK}"


def _hidden(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Return the values of masked headers, without a scheme, that are long enough to be a key."""
    values = [value.rpartition(" ")[2] for name, value in pairs if name.lower() not in HARMLESS]
    return [value for value in values if len(value) >= MIN_HIDDEN and MASK not in value]


def _written(values: Sequence[str]) -> list[str]:
    """Return the values in every form in which they may stand in a URL or a body, longest first."""
    forms = {form for each in values for form in (each, json.dumps(each)[1:-1], quote(each, ""))}
    return sorted(filter(None, forms), key=len, reverse=True)


def _without(text: str, hidden: Sequence[str]) -> str:
    for value in hidden:
        text = text.replace(value, MASK)
    return text


def _bare(body: bytes, hidden: Sequence[str]) -> bytes:
    """Return a body in which no masked value stands: some providers want their key there too."""
    for value in hidden:
        body = body.replace(value.encode("utf-8"), MASK.encode("ascii"))
    return body
