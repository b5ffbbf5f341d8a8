"""Secrets and variables of a LiteLLM config: `os.environ/NAME`, or a literal that stays behind."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from llmproxy.domain.litellm_config.remarks import NotTakenError, Remarks
from llmproxy.domain.secret_reference import looks_literal

_PREFIX: Final = "os.environ/"
_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9_-]*")


def variable_of(value: object) -> str | None:
    """Return NAME of `os.environ/NAME`, None for anything else."""
    if not isinstance(value, str) or not value.startswith(_PREFIX):
        return None
    return value.removeprefix(_PREFIX).strip()


class References:
    """Gives every secret of a config a name, the same one each time."""

    def __init__(self, config: object, remarks: Remarks) -> None:
        self._taken = {name for value in _texts(config) if (name := variable_of(value))}
        self._named: dict[str, str] = {}
        self._remarks = remarks

    def secret(self, place: str, value: object, proposal: str) -> str | None:
        """Return the name of a secret, None when there is none.

        One that stands in the config itself is not taken over: a name is proposed for it.
        """
        if value is None or value == "":
            return None
        name = variable_of(value)
        if name is not None and name and not looks_literal(name):
            return name
        if name is not None:
            raise NotTakenError(f"{place} names a variable that cannot be the name of a secret")
        name = self.name_for(value, proposal)
        self._remarks.to_do(
            place, f"a secret that stands here itself is not imported: set it as {name}"
        )
        return name

    def name_for(self, value: object, proposal: str) -> str:
        """Return a name that nothing else in the config has, the same one for the same value."""
        mark = repr(value)
        if mark not in self._named:
            name, count = proposal, 1
            while name in self._taken:
                count += 1
                name = f"{proposal}_{count}"
            self._taken.add(name)
            self._named[mark] = name
        return self._named[mark]

    def text(self, place: str, value: object) -> str | None:
        """Return a text that is no secret, or the variable that holds it; None for none.

        Raises NotTakenError for a variable that a document cannot name.
        """
        if value is None or value == "":
            return None
        name = variable_of(value)
        if name is None:
            return str(value).strip()
        if not _VARIABLE.fullmatch(name):
            raise NotTakenError(
                f"{place} names the variable {name}: a document can name variables in capitals only"
            )
        return name


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
