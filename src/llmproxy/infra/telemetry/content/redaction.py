"""Takes out of a JSON value what must not be kept: secrets, personal data, and what is no text."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from llmproxy.infra.telemetry.content.patterns import KEY, Pattern
from llmproxy.infra.wire.hiding import HIDDEN, MASK

BINARY: Final = re.compile(
    r"(?:data:(?P<type>[\w.+/-]{1,100})(?:;[\w=.+-]{1,100}){0,4};base64,)?"
    r"(?<![A-Za-z0-9+/_-])(?P<data>[A-Za-z0-9+/_-]{512,}={0,2})"
)
"""Base64 of images, sound and files; a word of 512 such characters is no text.

It begins where such a word begins: tried at each of its characters, one of 511 would take 511 times
as long, and `re` lets nothing else of the process run meanwhile.
"""
SHORTEST_BINARY: Final = 512
DIGITS: Final = 9
"""Whole numbers with so many digits may be numbers of somebody."""
MAX_DEPTH: Final = 200
PIECE_CHARS: Final = 64 * 1024
"""What an expression sees at once, where the text lets it be cut: `re` keeps the interpreter to
itself for some milliseconds then."""
_BETWEEN: Final = re.compile(r"""[\n\r\t"'<>|{}\[\]!?*#$&^`~]""")
"""Stands in nothing that a built-in expression matches or looks at around that."""
OWN_CHARS: Final = 4096
"""What expressions of the operator's own see at once."""


class Redaction:
    """`patterns` are built in, `own` the operator's: those see pieces cut at white space.

    `spared` are whole texts that stay as they are, such as names that a format gives to fields.
    Not thread-safe: `found` counts what was taken out since it was emptied.
    """

    def __init__(
        self,
        patterns: Sequence[Pattern],
        own: Sequence[Pattern] = (),
        spared: frozenset[str] = frozenset(),
    ) -> None:
        self._patterns = (KEY, *patterns)
        self._own = tuple(own)
        self._spared = spared
        self.found: Counter[str] = Counter()

    def value(self, value: Any, depth: int = 0) -> Any:  # noqa: ANN401 - any JSON value
        """Return a JSON value redacted; what is nested deeper than 200 is left out."""
        if isinstance(value, str):
            return self.text(value)
        if depth > MAX_DEPTH:
            return "[nested too deep]"
        if isinstance(value, dict):
            deeper = depth + 1
            return {self.text(name): self.value(each, deeper) for name, each in value.items()}
        if isinstance(value, list):
            return [self.value(each, depth + 1) for each in value]
        return self._number(value)

    def text(self, text: str) -> str:
        """Return a text redacted."""
        if text in self._spared:
            return text
        if len(text) >= SHORTEST_BINARY:
            text = "".join([BINARY.sub(self._binary, piece) for piece in apart(text)])
        hidden = HIDDEN.hide(text)
        if hidden != text:
            self.found["secret"] += hidden.count(MASK)
        hidden = "".join([self._without_any(self._patterns, piece) for piece in apart(hidden)])
        if self._own:
            hidden = "".join([self._without_any(self._own, piece) for piece in _pieces(hidden)])
        return hidden

    def _number(self, value: Any) -> Any:  # noqa: ANN401 - a JSON value that is no container
        if isinstance(value, bool) or not isinstance(value, int | float):
            return value
        written = str(value)
        if sum(map(str.isdigit, written)) < DIGITS:
            return value
        redacted = self.text(written)
        return value if redacted == written else redacted

    def _without_any(self, patterns: Sequence[Pattern], text: str) -> str:
        for pattern in patterns:
            text = self._without(pattern, text)
        return text

    def _without(self, pattern: Pattern, text: str) -> str:
        def replaced(match: re.Match[str]) -> str:
            whole = match[0]
            spared = None if pattern.spared is None else pattern.spared(whole)
            if not whole or (spared is not None and spared[0] == whole):
                return whole
            self.found[pattern.name] += 1
            before, behind = spared or ("", "")
            return f"{before}[{pattern.name}]{behind}"

        return pattern.expression.sub(replaced, text)

    def _binary(self, match: re.Match[str]) -> str:
        self.found["binary"] += 1
        size = len(match["data"].rstrip("=")) * 3 // 4
        return f"[{match['type'] or 'base64'}, {size} bytes]"


def apart(text: str) -> Iterator[str]:
    """Yield pieces that nothing built in is matched across, of 64 Ki characters or a few more.

    A text that holds nothing to cut it at is one piece.
    """
    at = 0
    while at < len(text):
        found = _BETWEEN.search(text, at + PIECE_CHARS)
        end = len(text) if found is None else found.end()
        yield text[at:end]
        at = end


def _pieces(text: str) -> list[str]:
    """Return pieces of at most 4,096 characters, cut behind white space where there is any."""
    pieces = []
    while len(text) > OWN_CHARS:
        cut = max(text.rfind(white, 0, OWN_CHARS) for white in " \n\t") + 1 or OWN_CHARS
        pieces.append(text[:cut])
        text = text[cut:]
    return [*pieces, text]
