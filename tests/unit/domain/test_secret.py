"""A secret shows itself to nobody who does not ask for it by name."""

import copy
import json
import pickle
from dataclasses import dataclass

import pytest

from llmproxy.domain.secret import Secret

VALUE = "sk-very-secret"


@dataclass(frozen=True)
class Holder:
    """What usually holds a secret."""

    key: Secret


def test_only_expose_gives_it_away() -> None:
    """For the header or call it is meant for."""
    assert Secret(VALUE).expose() == VALUE


def test_no_way_of_printing_shows_it() -> None:
    """Not even with a width, inside a container or within an exception."""
    secret = Secret(VALUE)
    printed = [
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret!r:>30}",
        f"{secret:^30}",
        "%s" % secret,  # noqa: UP031 - loggers print this way
        str([secret]),
        repr({"key": secret}),
        repr(Holder(secret)),
        str(ValueError(secret)),
    ]

    assert [text for text in printed if VALUE in text or "*****" not in text] == []


def test_a_width_is_kept() -> None:
    """So that tables stay straight."""
    assert f"{Secret(VALUE):>8}" == "   *****"


@pytest.mark.parametrize("write", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps])
def test_it_is_never_serialized(write: object) -> None:
    """Whoever tries learns of it at once, without the value in the message."""
    assert callable(write)
    with pytest.raises(TypeError) as refused:
        write(Secret(VALUE))

    assert VALUE not in str(refused.value)


def test_it_has_no_room_for_more() -> None:
    """No `vars`, no attribute beside the value."""
    assert not hasattr(Secret(VALUE), "__dict__")
