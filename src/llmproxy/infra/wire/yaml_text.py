"""YAML as people write it, read without surprises: bounded, no tags, no key twice.

PyYAML's safe loader (yaml 6, `yaml/constructor.py`) takes the last of two equal keys in silence and
lets an alias stand for a value any number of times; both are refused or bounded here.
"""

from typing import Final

import yaml

DEFAULT_MAX_BYTES: Final = 8 * 1024 * 1024
MAX_VALUES: Final = 200_000
"""Values with every alias counted each time that it stands somewhere."""
MAX_DEPTH: Final = 64
_MERGE: Final = "tag:yaml.org,2002:merge"


class YamlError(ValueError):
    """The text cannot be read; `line` counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


def read_yaml(data: bytes, *, max_bytes: int = DEFAULT_MAX_BYTES) -> object:
    """Return the one value of the text as Python's plain types. Raises YamlError."""
    if len(data) > max_bytes:
        raise YamlError(f"more than {max_bytes:,} bytes", 1)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise YamlError("not UTF-8", data.count(b"\n", 0, error.start) + 1) from None
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _measure(node, 0, [0])
        return loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(str(error.problem or error.context), mark.line + 1 if mark else 1) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        # ValueError: a date such as 2026-02-30 in yaml/constructor.py
        words = str(error).splitlines()[0] if isinstance(error, yaml.YAMLError) else "a bad value"
        raise YamlError(words, 1) from None
    finally:
        loader.dispose()


def _measure(node: yaml.Node, depth: int, count: list[int]) -> None:
    """Count a value and what is in it. Raises yaml.MarkedYAMLError for too much or too deep."""
    count[0] += 1
    if count[0] > MAX_VALUES or depth > MAX_DEPTH:
        raise yaml.MarkedYAMLError(
            problem=f"more than {MAX_VALUES:,} values, or nested deeper than {MAX_DEPTH}",
            problem_mark=node.start_mark,
        )
    if isinstance(node, yaml.MappingNode):
        _refuse_twins(node)
        for key, value in node.value:
            _measure(key, depth + 1, count)
            _measure(value, depth + 1, count)
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            _measure(each, depth + 1, count)


def _refuse_twins(node: yaml.MappingNode) -> None:
    """Refuse a key that stands twice; what is merged in (`<<`) may be said anew."""
    seen: set[tuple[str, str]] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
            continue
        if (key.tag, key.value) in seen:
            raise yaml.MarkedYAMLError(
                problem=f"the key {key.value!r} stands twice", problem_mark=key.start_mark
            )
        seen.add((key.tag, key.value))
