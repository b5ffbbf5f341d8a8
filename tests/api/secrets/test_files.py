"""Secrets in mounted files, and in a file of variables."""

from pathlib import Path

import pytest

from tests.api.asking import within
from tests.api.secrets.stage import KEY, staged
from tests.simulators.openai import OpenAISimulator

SOON_S = 10.0


@pytest.fixture(name="mounted")
def _mounted(tmp_path: Path) -> Path:
    folder = tmp_path / "mounted"
    folder.mkdir()
    return folder


def settings(mounted: Path) -> dict[str, str]:
    """Files are looked at as often as the vault, at least every 10 s."""
    return {"SECRETS_DIR": str(mounted), "SECRETS_REFRESH_S": "1"}


def test_a_file_that_is_replaced(tmp_path: Path, upstream: OpenAISimulator, mounted: Path) -> None:
    """As Kubernetes does it: by a link to another folder."""
    for number in (1, 2):
        (mounted / f"..{number}").mkdir()
        (mounted / f"..{number}" / KEY).write_text(f"value-{number}\n")
    (mounted / "..data").symlink_to("..1")
    (mounted / KEY).symlink_to(f"..data/{KEY}")
    with staged(tmp_path, upstream, settings(mounted)) as stage:
        assert stage.uses("value-1")
        (mounted / "..new").symlink_to("..2")
        (mounted / "..new").rename(mounted / "..data")
        upstream.api_key = "value-2"
        assert within(SOON_S, lambda: stage.uses("value-2"))


def test_a_file_that_appears_later(
    tmp_path: Path, upstream: OpenAISimulator, mounted: Path
) -> None:
    with staged(tmp_path, upstream, settings(mounted)) as stage:
        assert stage.waits()
        assert stage.reason() == f"the secret {KEY} is not set in the environment, nor in {mounted}"
        (mounted / KEY).write_text("value-1")
        assert within(SOON_S, lambda: stage.uses("value-1"))


def test_a_file_that_cannot_be_used(
    tmp_path: Path, upstream: OpenAISimulator, mounted: Path
) -> None:
    (mounted / KEY).write_text("\n")
    with staged(tmp_path, upstream, settings(mounted)) as stage:
        assert stage.waits()
        assert stage.reason() == (
            f"the secret {KEY} is not set in the environment, and its file in {mounted} is empty"
        )


def test_a_folder_that_does_not_exist(tmp_path: Path, upstream: OpenAISimulator) -> None:
    absent = tmp_path / "absent"
    with staged(tmp_path, upstream, {"SECRETS_DIR": str(absent), KEY: "value-1"}) as stage:
        assert stage.uses("value-1")
        assert within(SOON_S, lambda: stage.report("secrets")["failing"] == 1)
        assert "does not exist" in str(stage.report("secrets")["reasons"])


def test_a_file_of_variables(tmp_path: Path, upstream: OpenAISimulator) -> None:
    """The process's own environment goes first; the file is read at the start only."""
    file = tmp_path / "variables.env"
    file.write_text(f'# keys\nexport {KEY}="value-1"\nOTHER-KEY=value-2\nMINE=value-2\n')
    given = {"LLMPROXY_ENV_FILE": str(file), "MINE": "value-1"}
    with staged(tmp_path, upstream, given, KEY, "OTHER-KEY", "MINE") as stage:
        assert stage.uses("value-1")
        assert stage.serves("MINE")
        assert stage.asked("OTHER-KEY").error["code"] == "upstream_credentials"
        assert stage.shown() == "value-2"
