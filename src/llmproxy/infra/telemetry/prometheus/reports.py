"""What the parts of a gateway report when they are asked, as families."""

from collections.abc import Callable, Iterator, Mapping

from llmproxy.infra.telemetry.prometheus.family import Family, labelled
from llmproxy.infra.telemetry.prometheus.figures import family_of_each, figure_of
from llmproxy.infra.telemetry.prometheus.series import number, sample

Gauges = Callable[[], Mapping[str, float]]
GaugesOfEach = Callable[[], Mapping[str, Mapping[str, float]]]
"""Figures by name, then by what they are about."""


class Reports:
    """By the prefix of their figures; `of_each` those that are about many things alike."""

    def __init__(self) -> None:
        self.plain: dict[str, Gauges] = {}
        self.of_each: dict[str, GaugesOfEach] = {}

    def blocks(self, worker: str) -> Iterator[tuple[Family, Iterator[str]]]:
        """Yield every family with its samples; all figures are read now."""
        found: dict[Family, list[str]] = {}
        for prefix, read in self.plain.items():
            for name, value in read().items():
                family, values = figure_of(prefix, name)
                labels = labelled(family.labels, values)
                line = sample(family.name, worker, labels, number(value))
                found.setdefault(family, []).append(line)
        for family, lines in found.items():
            yield family, iter(lines)
        for kind, read_each in self.of_each.items():
            for name, figures in read_each().items():
                family = family_of_each(kind, name)
                yield family, _each(family, worker, figures)


def _each(family: Family, worker: str, figures: Mapping[str, float]) -> Iterator[str]:
    for about, value in figures.items():
        labels = labelled(family.labels, (about,))
        yield sample(family.name, worker, labels, number(value))
