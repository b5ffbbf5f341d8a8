"""What a metric is: a name, a kind, words about it, and the labels of its series.

Names follow Prometheus' own conventions (prometheus.io/docs/practices/naming): units are base units
and stand in the name, a counter ends in `_total`.
"""

from enum import StrEnum
from typing import NamedTuple

WORKER = "worker"
"""The label that every series of a worker has first: the number of its seat in the data folder."""
COUNTER_SUFFIX = "_total"


class Kind(StrEnum):
    """The types of Prometheus' text format that are used here."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Family(NamedTuple):
    """One metric. `labels` are those beside `worker`; `shared` has no worker: it is about all."""

    name: str
    kind: Kind
    text: str
    labels: tuple[str, ...] = ()
    shared: bool = False

    @property
    def head(self) -> str:
        """The two lines that begin it."""
        return f"# HELP {self.name} {self.text}\n# TYPE {self.name} {self.kind}"


def family(name: str, text: str, *labels: str) -> Family:
    """Return a counter or a gauge: its name tells which."""
    kind = Kind.COUNTER if name.endswith(COUNTER_SUFFIX) else Kind.GAUGE
    return Family(name, kind, text, labels)


def escaped(value: str) -> str:
    """Return the value of a label as it stands between quotes."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def labelled(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    """Return `a="x",b="y"`, empty without labels."""
    pairs = zip(names, values, strict=True)
    return ",".join([f'{name}="{escaped(value)}"' for name, value in pairs])
