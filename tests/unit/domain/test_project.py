"""A project's weight; what else stands in its document is tested where it is used."""

import pytest

from llmproxy.domain.project import ProjectError, parse_project


@pytest.mark.parametrize(
    ("written", "read"), [({}, 1.0), ({"weight": None}, 1.0), ({"weight": 3}, 3.0)]
)
def test_a_weight(written: dict[str, object], read: float) -> None:
    """A number, 1 where nothing is said."""
    assert parse_project({"id": "team", **written}).weight == read


@pytest.mark.parametrize("wrong", [0, -1, 1001, "much", True])
def test_no_weight(wrong: object) -> None:
    """Nothing that is no share."""
    with pytest.raises(ProjectError, match=r"^weight: must be "):
        parse_project({"id": "team", "weight": wrong})
