"""How two plain objects differ, field by field."""

import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple


class FieldChange(NamedTuple):
    """One field: a path such as `parameters.endpoint`; values as JSON, None where there is none."""

    path: str
    before: str | None
    after: str | None


def differences(
    before: Mapping[str, object], after: Mapping[str, object], path: str = ""
) -> Iterator[FieldChange]:
    """Yield every field that differs, objects entered, arrays as a whole; in `after`'s order."""
    for name in [*after, *(each for each in before if each not in after)]:
        where = f"{path}.{name}" if path else name
        if name not in before:
            yield FieldChange(where, None, _json(after[name]))
        elif name not in after:
            yield FieldChange(where, _json(before[name]), None)
        else:
            yield from _changed(where, before[name], after[name])


def _changed(where: str, old: object, new: object) -> Iterator[FieldChange]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from differences(old, new, where)
    elif _json(old) != _json(new):
        yield FieldChange(where, _json(old), _json(new))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
