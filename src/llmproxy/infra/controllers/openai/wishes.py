"""Desk: what a request says of answers that are kept, and of being sent twice.

```text
x-llmproxy-cache: on | off | refresh
x-llmproxy-cache-ttl: seconds
Idempotency-Key: at most 255 characters
```
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.response_cache import Form, Shape
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.registry import Registry
from llmproxy.application.use_cases.replayed.question import Use, Wish
from llmproxy.domain.document import CACHE_TTL_S, MAX_CACHE_TTL_S
from llmproxy.domain.errors import InvalidRequest
from llmproxy.domain.operation import Endpoint
from llmproxy.infra.wire.canonical_json import canonical, canonical_body
from llmproxy.infra.wire.json_object import JsonObject

CACHE: Final = b"x-llmproxy-cache"
TTL: Final = b"x-llmproxy-cache-ttl"
REPEAT_KEY: Final = b"idempotency-key"
MAX_KEY_CHARS: Final = 255
MAX_TTL_DIGITS: Final = 10
_WHOLE: Final = Shape(Form.WHOLE)
_BYTES: Final = Shape(Form.BYTES)
_USES: Final = {b"on": Use.ON, b"off": Use.BYPASS, b"refresh": Use.REFRESH}

CACHED: Final = frozenset(
    {
        Endpoint.CHAT_COMPLETIONS,
        Endpoint.COMPLETIONS,
        Endpoint.RESPONSES,
        Endpoint.EMBEDDINGS,
        Endpoint.MODERATIONS,
        Endpoint.IMAGES_GENERATIONS,
        Endpoint.AUDIO_SPEECH,
    }
)
"""Edits of images name files and addresses that may hold something else by now; compactions and
counts of tokens are steps of a longer conversation."""

DELIVERY: Final = frozenset({"stream", "stream_options"})
"""How an answer comes, not what it says."""
WHO: Final = DELIVERY | {"user", "safety_identifier", "prompt_cache_key"}
"""OpenAI's API description: `user` and `safety_identifier` tell end users apart to find abuse,
`prompt_cache_key` helps its prompt cache. None of them reaches the model. A response repeats them,
so there they belong to the question."""
PLAIN_OPTIONS: Final = frozenset({b"null", b"{}", b'{"include_usage":false}'})
"""Stream options that ask for nothing."""


class Wishes:
    """Reads the headers; `caches` says whether any answers are kept for the same question.

    With `binary` an answer that is not asked for in events is no one piece but bytes.
    """

    def __init__(self, registry: Registry, *, caches: bool, binary: bool = False) -> None:
        self._registry = registry
        self._in_general = _BYTES if binary else _WHOLE
        self._caches = caches
        self._plain: dict[str, bool] = {}
        """Of names in this snapshot: whether no document behind it wants its answers kept."""
        registry.installed.append(lambda _: self._plain.clear())

    def read(
        self, headers: Mapping[bytes, bytes], call: Call, question: bytes = b""
    ) -> Wish | None:
        """Return what the request and its model wish for, None for nothing, as most do.

        `question` is that of the body where it is known already. Raises InvalidRequest naming the
        header at fault, or what a caller is told who may not use the model.
        """
        said = headers.get(CACHE)
        repeat_key = headers.get(REPEAT_KEY)
        if said is None and repeat_key is None and self._is_plain(call.model):
            return None
        plan = self._registry.candidates(call.model, call.caller, call.operation)
        ttl_s = plan[0].model.cache_ttl_s if len(plan) == 1 else _shortest(plan)
        if said is not None or repeat_key is not None:
            use = self._use(said, call, wanted=ttl_s is not None)
        elif ttl_s is None:
            return None
        else:
            use = Use.ON if self._may_keep(call) else Use.BYPASS
        shape = _shape(call) if call.stream else self._in_general
        wish = Wish(shape, use, CACHE_TTL_S if ttl_s is None else ttl_s, plan=plan)
        if TTL in headers:
            wish.ttl_s = _ttl_s(headers[TTL])
        if use is Use.ON or use is Use.REFRESH:
            wish.likely = bool(question)
            wish.question = question or _question(call)
        if repeat_key is None:
            return None if use is Use.NONE else wish
        return _once(wish, call, repeat_key)

    def _is_plain(self, name: str) -> bool:
        """Whether no document behind this name wants its answers kept: one look, for most calls."""
        plain = self._plain.get(name)
        if plain is None:
            snapshot = self._registry.snapshot
            named = (*snapshot.by_code.get(name, ()), *snapshot.by_id.get(name, ()))
            plain = bool(named) and _shortest(named) is None
            if named:
                self._plain[name] = plain
        return plain

    def _use(self, said: bytes | None, call: Call, *, wanted: bool) -> Use:
        use = Use.ON if said is None else _use(said)
        if not wanted and (said is None or use is Use.BYPASS):
            return Use.NONE
        return use if use is Use.BYPASS or self._may_keep(call) else Use.BYPASS

    def _may_keep(self, call: Call) -> bool:
        """Whether an answer to this can be given again.

        Not one that is still being made, and not one that the provider is to store each time.
        """
        endpoint = call.endpoint
        if not self._caches or endpoint not in CACHED or call.background:
            return False
        return endpoint is not Endpoint.CHAT_COMPLETIONS or call.body.value("store") != b"true"


def refuse_repeats(headers: Mapping[bytes, bytes]) -> None:
    """Refuse an `Idempotency-Key` where it cannot be kept. Raises InvalidRequest."""
    if REPEAT_KEY in headers:
        raise InvalidRequest(
            "The header 'Idempotency-Key' is not supported for requests with files.",
            param="Idempotency-Key",
            code="unsupported_header",
            hint="Send it without the header: it is answered each time.",
        )


def _shortest(plan: Iterable[Deployment]) -> float | None:
    """Return the shortest time that a document names, None where none does."""
    every = [each.model.cache_ttl_s for each in plan]
    return min([each for each in every if each is not None], default=None)


def _question(call: Call) -> bytes:
    """Return the SHA-256 of what is asked."""
    without = DELIVERY if call.endpoint is Endpoint.RESPONSES else WHO
    return sha256(canonical_body(_object(call), without)).digest()


def _use(said: bytes) -> Use:
    use = _USES.get(said.strip().lower())
    if use is None:
        raise _invalid("x-llmproxy-cache", "expected on, off or refresh")
    return use


def _ttl_s(said: bytes) -> float:
    said = said.strip()
    seconds = int(said) if said.isdigit() and len(said) <= MAX_TTL_DIGITS else 0
    if not 1 <= seconds <= MAX_CACHE_TTL_S:
        raise _invalid(
            "x-llmproxy-cache-ttl", f"expected whole seconds from 1 to {MAX_CACHE_TTL_S}"
        )
    return float(seconds)


def _once(wish: Wish, call: Call, said: bytes) -> Wish:
    """Return the wish of a call that names a key, which may wait until all is another plan."""
    wish.plan = ()
    wish.fingerprint = sha256(canonical_body(_object(call))).digest()
    wish.repeat_key = _repeat_key(said)
    return wish


def _repeat_key(said: bytes) -> bytes:
    if not said.strip() or len(said) > MAX_KEY_CHARS:
        raise _invalid("Idempotency-Key", f"expected 1 to {MAX_KEY_CHARS} characters")
    return said


def _invalid(name: str, expected: str) -> InvalidRequest:
    return InvalidRequest(f"Invalid header '{name}': {expected}.", param=name, code="invalid_value")


def _shape(call: Call) -> Shape:
    options = call.body.value("stream_options")
    text = b"" if options is None else canonical(options)
    return Shape(Form.EVENTS, b"" if text in PLAIN_OPTIONS else text)


def _object(call: Call) -> JsonObject:
    if not isinstance(call.body, JsonObject):
        raise TypeError("the desk reads every body as a JsonObject")
    return call.body
