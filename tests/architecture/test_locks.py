"""What is installed is pinned by hash, and nothing in the project says where it is fetched from."""

import json
import re
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, files, read

LOCKS = sorted(
    name
    for name in files()
    if name.name == "requirements.txt"
    or (name.parts[0] == "requirements" and name.suffix == ".txt")
)
NODE_LOCKS = (
    "tests/clients_node/package-lock.json",
    "tests/emulator/package-lock.json",
    "tests/integrations/vercel/package-lock.json",
)
ADDRESS = re.compile(r"\w+://|--(extra-)?index-url|--find-links|(?<!\w)-[if] |\s@\s")
# Written in two parts, so that this file does not hold what it looks for.
INDEXES = re.compile(
    "|".join(
        host.replace("+", r"\.")
        for host in (
            "pypi+org",
            "pythonhosted+org",
            "registry+npmjs",
            "npmmirror+com",
            "yarnpkg+com",
        )
    )
)
MACHINE_PATHS = re.compile(
    r"(?<![\w.~-])/(root|work|home/\w+|Users/\w+|opt/(pypi|wheels))(?=[/\s\"']|$)"
)


def requirements(lock: str) -> dict[str, list[str]]:
    """Map each pinned requirement of a lock to its hashes."""
    joined = re.sub(r"\\\n\s*", " ", lock)
    lines = [line for line in joined.splitlines() if line and not line.lstrip().startswith("#")]
    return {
        line.split(" --hash")[0]: re.findall(r"--hash=sha256:([0-9a-f]{64})", line)
        for line in lines
    }


def test_the_locks_are_there() -> None:
    """The environments that the scripts make each have a lock."""
    expected = {
        "requirements.txt",
        *(f"requirements/{n}.txt" for n in ("check", "clients", "lock")),
    }
    assert expected <= {name.as_posix() for name in LOCKS}


@pytest.mark.parametrize("lock", LOCKS, ids=str)
def test_a_lock_pins_by_hash(lock: Path) -> None:
    """Every line of a lock is one exact version with at least one hash."""
    pins = requirements(read(lock))
    assert pins
    loose = [
        pin for pin, hashes in pins.items() if not hashes or not re.match(r"[\w.\[\],-]+==\S", pin)
    ]
    assert loose == []


@pytest.mark.parametrize("lock", LOCKS, ids=str)
def test_a_lock_names_no_address(lock: Path) -> None:
    """No lock holds an address or names an index: where to fetch is the machine's setting."""
    assert [line for line in read(lock).splitlines() if ADDRESS.search(line)] == []


@pytest.mark.parametrize("lock", NODE_LOCKS)
def test_a_node_lock_pins_by_hash_and_names_no_address(lock: str) -> None:
    """Every package of Node's has an integrity hash and no resolved address."""
    packages = json.loads((ROOT / lock).read_text("utf-8"))["packages"]
    installed = {name: entry for name, entry in packages.items() if name}
    assert installed
    assert [name for name, entry in installed.items() if "integrity" not in entry] == []
    assert [name for name, entry in installed.items() if "resolved" in entry] == []


@pytest.mark.parametrize("pattern", [INDEXES, MACHINE_PATHS], ids=["index", "path"])
def test_no_file_names_an_index_or_a_path_of_a_machine(pattern: re.Pattern[str]) -> None:
    """No file says where a package comes from or where somebody's checkout lies."""
    assert [
        f"{name}:{number}: {line.strip()[:120]}"
        for name in files()
        for number, line in enumerate(read(name).splitlines(), 1)
        if pattern.search(line)
    ] == []


def test_the_patterns_themselves() -> None:
    """The patterns see what they are for, and leave paths of URLs and containers alone."""
    assert INDEXES.search("https://files.python" + "hosted.org/packages/x.whl")
    assert INDEXES.search("https://py" + "pi.org/simple")
    assert MACHINE_PATHS.search('open("/ro' + 'ot/x")')
    assert MACHINE_PATHS.search("cd /ho" + "me/somebody/llmproxy")
    assert not MACHINE_PATHS.search("GET /v1/models, https://example.test/root/x, /srv/work/x")
    assert ADDRESS.search("x @ https://example.test/x.whl")
    assert ADDRESS.search("--index-url https://example.test")
    assert not ADDRESS.search("    # via -r requirements/check.in")
    assert requirements("a==1 \\\n    --hash=sha256:" + "0" * 64 + "\nb>=2\n") == {
        "a==1 ": ["0" * 64],
        "b>=2": [],
    }
