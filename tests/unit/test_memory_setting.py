"""How much memory there is for bodies: the least that the machine and the cgroups say."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from llmproxy.config import SettingError, settings_from
from llmproxy.config.memory import bytes_for_bodies, usable_bytes
from llmproxy.config.reading import LEAST_FOR_BODIES
from llmproxy.infra.controllers.spool import most_in_memory

MIB = 1024 * 1024


def cgroups(root: Path, lines: str, limits: Mapping[str, str] | None = None) -> Path:
    """A machine of which only these files are known; `limits` are below `/sys/fs/cgroup`."""
    written = {"proc/self/cgroup": lines}
    written |= {f"sys/fs/cgroup/{name}": text for name, text in (limits or {}).items()}
    for name, text in written.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_without_cgroups_it_is_the_machines(tmp_path: Path) -> None:
    """Whatever it is, there is some."""
    assert usable_bytes(tmp_path) > 64 * MIB
    assert usable_bytes(cgroups(tmp_path, "0::/\n")) == usable_bytes(tmp_path / "nowhere")


def test_version_2(tmp_path: Path) -> None:
    """The least on the way from the process's own group to the top; `max` is none."""
    limits = {"a/b/memory.max": "max\n", "a/memory.max": f"{512 * MIB}\n"}
    assert usable_bytes(cgroups(tmp_path, "0::/a/b\n", limits)) == 512 * MIB


def test_version_1(tmp_path: Path) -> None:
    """The top is found where the path is the host's, as in a container."""
    limits = {"memory/memory.limit_in_bytes": f"{256 * MIB}\n"}
    lines = "5:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n0::/\n"
    assert usable_bytes(cgroups(tmp_path, lines, limits)) == 256 * MIB


def test_a_quarter_but_at_least_the_largest_body(tmp_path: Path) -> None:
    """So that one always has room."""
    root = cgroups(tmp_path, "0::/\n", {"memory.max": f"{1024 * MIB}"})
    assert bytes_for_bodies(64 * MIB, root) == 256 * MIB
    assert bytes_for_bodies(300 * MIB, root) == 300 * MIB


def test_settings() -> None:
    """None where nothing is said; less than the largest body is refused by both names."""
    told = settings_from({}).admission
    assert (told.body_bytes, told.max_queued, told.queue_timeout_s) == (None, 1000, 10.0)
    told = settings_from(
        {
            "MAX_BODY_BYTES_IN_MEMORY": str(64 * MIB),
            "MAX_QUEUED_REQUESTS": "0",
            "QUEUE_TIMEOUT_S": "0.5",
        }
    ).admission
    assert (told.body_bytes, told.max_queued, told.queue_timeout_s) == (64 * MIB, 0, 0.5)
    with pytest.raises(SettingError, match=r"^MAX_BODY_BYTES_IN_MEMORY='1048576': .* MAX_BODY_"):
        settings_from({"MAX_BODY_BYTES_IN_MEMORY": str(MIB)})
    small = {"MAX_BODY_BYTES_IN_MEMORY": str(MIB), "MAX_BODY_BYTES": str(MIB)}
    assert settings_from(small).admission.body_bytes == MIB
    smaller = small | {"MAX_BODY_BYTES_IN_MEMORY": str(MIB - 1), "MAX_BODY_BYTES": "1024"}
    with pytest.raises(SettingError, match=r"^MAX_BODY_BYTES_IN_MEMORY='1048575': .* 1048576$"):
        settings_from(smaller)


def test_whatever_may_be_set_an_upload_has_room() -> None:
    """One that does not say how large it is asks for as much as any."""
    assert most_in_memory(None) <= LEAST_FOR_BODIES
