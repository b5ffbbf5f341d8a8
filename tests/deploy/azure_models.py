"""Faults of a document against Microsoft's own models: unknown fields, wrong types, unknown words.

Container Apps' package has them as TypedDicts, Container Instances' as maps from attributes to
fields; both are generated from the specification of the service's API.
"""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Required, Union, get_args, get_origin, get_type_hints

from azure.mgmt.appcontainers import models as app_models
from azure.mgmt.appcontainers import types as app_types
from azure.mgmt.containerinstance import models as instance_models

PLAIN = {"str": str, "int": int, "float": (int, float), "bool": bool, "object": object}
NAMES = vars(app_models) | vars(app_types) | {"Any": Any, "Union": Union}


def container_app_faults(document: object) -> list[str]:
    """What does not fit a Microsoft.App/containerApps."""
    return list(_typed(document, app_types.ContainerApp, ""))


def container_group_faults(document: object) -> list[str]:
    """What does not fit a Microsoft.ContainerInstance/containerGroups."""
    return list(_mapped(document, "ContainerGroup", ""))


def _typed(value: Any, kind: Any, place: str) -> Iterator[str]:  # noqa: ANN401
    if get_origin(kind) is Required:
        yield from _typed(value, get_args(kind)[0], place)
    elif hasattr(kind, "__required_keys__"):
        yield from _typed_dict(value, kind, place)
    elif get_origin(kind) is list:
        if not isinstance(value, list):
            yield f"{place}: a list is needed"
            return
        for number, each in enumerate(value):
            yield from _typed(each, get_args(kind)[0], f"{place}[{number}]")
    elif get_origin(kind) is dict:
        for name, each in value.items():
            yield from _typed(each, get_args(kind)[1], f"{place}.{name}")
    else:
        yield from _leaf(value, kind, place)


def _typed_dict(value: Any, kind: Any, place: str) -> Iterator[str]:  # noqa: ANN401
    hints = get_type_hints(kind, globalns=NAMES, include_extras=True)
    if not isinstance(value, dict):
        yield f"{place}: an object is needed"
        return
    # Only what is written so: a class that inherits has all of its fields in __required_keys__.
    required = {name for name, hint in hints.items() if get_origin(hint) is Required}
    for name in required - value.keys():
        yield f"{place}.{name}: is missing"
    for name, each in value.items():
        if name not in hints:
            yield f"{place}.{name}: is unknown"
        else:
            yield from _typed(each, hints[name], f"{place}.{name}")


def _leaf(value: Any, kind: Any, place: str) -> Iterator[str]:  # noqa: ANN401
    kinds = get_args(kind) or (kind,)
    words = [each for each in kinds if isinstance(each, type) and issubclass(each, Enum)]
    if words and value not in {member.value for each in words for member in each}:
        yield f"{place}: {value!r} is no word of {words[0].__name__}"
    allowed = tuple((int, float) if each is float else each for each in kinds if each is not Any)
    flat = tuple(one for each in allowed for one in (each if isinstance(each, tuple) else (each,)))
    if flat and (not isinstance(value, flat) or (isinstance(value, bool) and bool not in flat)):
        yield f"{place}: {value!r} is no {kinds}"


def _mapped(value: Any, kind: str, place: str) -> Iterator[str]:  # noqa: ANN401
    if kind.startswith(("[", "{")):
        inner = kind[1:-1]
        if not isinstance(value, list if kind[0] == "[" else dict):
            yield f"{place}: {kind} is needed"
            return
        pairs = enumerate(value) if kind[0] == "[" else value.items()
        for name, each in pairs:
            yield from _mapped(each, inner, f"{place}.{name}")
    elif kind in PLAIN:
        if not isinstance(value, PLAIN[kind]):
            yield f"{place}: {value!r} is no {kind}"
    else:
        fields = getattr(instance_models, kind)._attribute_map.values()
        yield from _fields(value, {each["key"]: each["type"] for each in fields}, place)


def _fields(value: Any, fields: Mapping[str, str], place: str) -> Iterator[str]:  # noqa: ANN401
    """Walk through an object; fields such as `properties.image` are one within another."""
    if not isinstance(value, dict):
        yield f"{place}: an object is needed"
        return
    for name, each in value.items():
        inner = {
            key.removeprefix(f"{name}."): kind
            for key, kind in fields.items()
            if key.startswith(f"{name}.")
        }
        if name in fields:
            yield from _mapped(each, fields[name], f"{place}.{name}")
        elif inner:
            yield from _fields(each, inner, f"{place}.{name}")
        else:
            yield f"{place}.{name}: is unknown"
