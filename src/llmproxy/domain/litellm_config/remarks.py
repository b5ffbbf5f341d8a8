"""What an import has to say beside its documents."""

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """How much a remark asks of its reader."""

    TO_DO = "to do"
    """Something must be done before the model answers as before."""
    CHANGED = "changed"
    """It was taken over, in other words."""
    LEFT_OUT = "left out"
    """It has no place here; the message says why and what stands in for it."""


class Remark(NamedTuple):
    """One setting. Neither part ever holds a value that could be a secret."""

    kind: Kind
    place: str
    """A path in the config, such as `model_list[0] (gpt-4o).litellm_params.rpm`."""
    message: str


class Remarks:
    """Gathers remarks in the order of the config."""

    def __init__(self) -> None:
        self.all: list[Remark] = []

    def to_do(self, place: str, message: str) -> None:
        """Note what somebody has to do."""
        self.all.append(Remark(Kind.TO_DO, place, message))

    def changed(self, place: str, message: str) -> None:
        """Note what was taken over in other words."""
        self.all.append(Remark(Kind.CHANGED, place, message))

    def left_out(self, place: str, message: str) -> None:
        """Note what stays behind."""
        self.all.append(Remark(Kind.LEFT_OUT, place, message))


class NotTakenError(ValueError):
    """An entry of `model_list` has no document; the message says why and what to do."""
