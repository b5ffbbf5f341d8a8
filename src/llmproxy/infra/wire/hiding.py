"""Taking secrets out of texts that others wrote: a provider may repeat the key that it was sent.

What is given out by the chain of secrets is added to `HIDDEN`; whoever writes words of others, to
the log, the journal or a caller, passes them through it. There is one for the whole process, as
there is one log.
"""

import json
from typing import Final
from urllib.parse import quote

from llmproxy.domain.secret import Secret

MASK: Final = "*****"
SHORTEST: Final = 8
"""A shorter value is a word: taking it out of every text would only say what it is."""
MAX_VALUES: Final = 40_000
FEW: Final = 256
"""So many beginnings are looked for one after the other."""
SHORT: Final = 512
"""A text of so many characters is cut to pieces."""


class Hiding:
    """Knows the values that must not be seen; any thread may ask.

    Values that were replaced stay known for long, since a provider may still speak of them. They
    are found by their ends: keys of one provider begin alike and end at random, so that the time
    that `hide` takes depends on the text and hardly on how many values there are.
    """

    def __init__(self) -> None:
        self._forms: dict[str, tuple[str, ...]] = {}
        """By value, the oldest first."""
        self._by_end: dict[str, list[str]] = {}
        self._by_beginning: dict[str, list[str]] = {}
        self._longest = 0

    def add(self, secret: Secret) -> None:
        """Hide this value from now on, also as JSON and URLs write it."""
        value = secret.expose()
        if value in self._forms:
            return
        if len(self._forms) >= MAX_VALUES:
            for form in self._forms.pop(next(iter(self._forms))):
                _take_out(self._by_end, form[-SHORTEST:], form)
                _take_out(self._by_beginning, form[:SHORTEST], form)
        escaped = (json.dumps(value, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False))
        forms = {value, *escaped, quote(value, safe="")}
        self._forms[value] = tuple(form for form in forms if len(form) >= SHORTEST)
        for form in self._forms[value]:
            self._by_end.setdefault(form[-SHORTEST:], []).append(form)
            self._by_beginning.setdefault(form[:SHORTEST], []).append(form)
            self._longest = max(self._longest, len(form))

    def hide(self, text: str) -> str:
        """Return the text with a mask wherever a value stood; one for those that overlap.

        One that is cut off by the end of the text is masked, too: long words are shortened.
        """
        if self._is_clean(text):
            return text
        parts: list[str] = []
        kept = 0
        for start, end in self._places(text):
            parts += (text[kept:start], MASK)
            kept = end
        return "".join((*parts, text[kept:])) if parts else text

    def _is_clean(self, text: str) -> bool:
        """Whether it is cheap to see that no value begins anywhere, which is so of most texts.

        Every access line asks it of ids, and the log of contents of whole conversations. Neither
        takes time for each value: where they are many, ids are cut to pieces, and a long text is
        left to `_places`, which takes as long as the text is.
        """
        count = len(self._by_beginning)
        if count <= min(FEW, len(text)):
            beginnings = tuple(self._by_beginning)  # another thread may add to them
            return not any(beginning in text for beginning in beginnings)
        if len(text) > SHORT:
            return False
        pieces = [text[at : at + SHORTEST] for at in range(len(text) - SHORTEST + 1)]
        return self._by_beginning.keys().isdisjoint(pieces)

    def _places(self, text: str) -> list[tuple[int, int]]:
        """Return where values stand, in order; those that overlap are one."""
        places: list[tuple[int, int]] = []
        for end in range(SHORTEST, len(text) + 1):
            for form in self._by_end.get(text[end - SHORTEST : end], ()):
                start = end - len(form)
                if start >= 0 and text.startswith(form, start):
                    while places and places[-1][1] > start:
                        start = min(start, places.pop()[0])
                    places.append((start, end))
        cut = self._cut_off(text, places[-1][1] if places else 0)
        return places if cut is None else [*places, (cut, len(text))]

    def _cut_off(self, text: str, begin: int) -> int | None:
        """Return where a value begins that the text ends in the middle of."""
        for start in range(max(begin, len(text) - self._longest), len(text) - SHORTEST + 1):
            forms = self._by_beginning.get(text[start : start + SHORTEST])
            if forms and any(form.startswith(text[start:]) for form in forms):
                return start
        return None


def _take_out(forms: dict[str, list[str]], place: str, form: str) -> None:
    found = forms[place]
    found.remove(form)
    if not found:
        del forms[place]


HIDDEN: Final = Hiding()
