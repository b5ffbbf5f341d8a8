"""A reader of the text format that takes nothing for granted, for tests without Prometheus.

The grammar is that of prometheus.io/docs/instrumenting/exposition_formats, "Text format details".
"""

import re
from collections.abc import Iterable

_NAME = r"[a-z_][a-z0-9_]*"
_TEXT = r'"((?:[^"\\\n]|\\[\\"n])*)"'
HEAD = re.compile(rf"# (HELP|TYPE) ({_NAME}) (.+)")
SAMPLE = re.compile(
    rf"({_NAME})(?:\{{((?:{_NAME}={_TEXT},?)+)\}})? (-?[0-9.]+(?:e[+-]?[0-9]+)?|NaN|[+-]Inf)"
)
LABEL = re.compile(rf"({_NAME})={_TEXT}")
OF_HISTOGRAM = ("_bucket", "_sum", "_count")
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def read(text: str) -> Samples:
    """Return every sample by its name and labels. Raises AssertionError for what is not allowed.

    Each family has HELP and TYPE once, before its samples, which stand together; no sample twice.
    """
    assert text.endswith("\n")
    found: Samples = {}
    kinds: dict[str, str] = {}
    helped = present = ""
    for line in text.splitlines():
        if head := HEAD.fullmatch(line):
            what, name, rest = head.groups()
            if what == "HELP":
                assert name not in kinds, f"{name} begins twice"
                helped = name
            else:
                assert name == helped, f"{name} has no HELP"
                kinds[name], present = rest, name
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample is not None, line
        name, labels, _, value = sample.groups()
        suffixes = OF_HISTOGRAM if kinds.get(present) == "histogram" else ("",)
        assert name in {present + suffix for suffix in suffixes}, f"{line} under {present}"
        key = (name, tuple(LABEL.findall(labels or "")))
        assert key not in found, f"{line} stands twice"
        found[key] = float(value)
    assert all((kind == "counter") == name.endswith("_total") for name, kind in kinds.items()), (
        "counters, and nothing else, end in _total"
    )
    return found


def value(samples: Samples, name: str, **labels: str) -> float:
    """Return the sum of all series that have these labels. Raises AssertionError without any."""
    wanted = set(labels.items())
    found = [each for (of, has), each in samples.items() if of == name and wanted <= set(has)]
    assert found, f"{name} {labels}"
    return sum(found)


def names(lines: Iterable[str]) -> set[str]:
    """Return the names of all families."""
    return {line.split()[2] for line in lines if line.startswith("# TYPE ")}


def figures(text: str, prefix: str = "llmproxy_") -> dict[str, float]:
    """Return what begins with `prefix` by the rest of its name, summed over workers.

    Values of labels stand behind the name: `refused_total{reason="timeout"}` is `refused_timeout`.
    """
    found: dict[str, float] = {}
    for (name, labels), figure in read(text).items():
        values = [each for label, each in labels if label != "worker"]
        whole = "_".join([name.removesuffix("_total"), *values])
        if whole.startswith(prefix):
            rest = whole.removeprefix(prefix)
            found[rest] = found.get(rest, 0.0) + figure
    return found
