"""The settings as far as they can be read: for who wants all faults at once, not the first."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from typing_extensions import override

from llmproxy.config.reading import settings_from
from llmproxy.config.settings import SettingError, Settings

_NAME: Final = re.compile(r"(\w+)[=:]")
_MAX_FAULTS: Final = 100


class Examined(NamedTuple):
    """Settings in which what does not fit is as if it were not set, and what does not fit."""

    settings: Settings
    faults: tuple[str, ...]


def examined(environment: Mapping[str, str]) -> Examined:
    """Read the settings. Raises SettingError for a fault that names no variable."""
    left = dict(environment)
    faults: list[str] = []
    while True:
        try:
            return Examined(settings_from(left), tuple(faults))
        except SettingError as error:
            found = _NAME.match(str(error))
            if found is None or found[1] not in left or len(faults) >= _MAX_FAULTS:
                raise
            faults.append(str(error))
            del left[found[1]]


def known_settings() -> frozenset[str]:
    """Return the name of every variable that is read."""
    watched = _Watched()
    settings_from(watched)
    return frozenset(watched.asked)


class _Watched(Mapping[str, str]):
    """An empty environment that notes which names are asked for."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    @override
    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        raise KeyError(name)

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(())

    @override
    def __len__(self) -> int:
        return 0
