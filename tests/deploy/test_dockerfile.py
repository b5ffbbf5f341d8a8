"""The Dockerfile: its lines, what it may copy, and what it says of the process."""

import pytest

from llmproxy import __version__
from tests.deploy.dockerfile import ROOT, Stage, is_sent, read
from tests.deploy.programs import program, ran

PACKAGES, PACKAGE, IMAGE = read()


def test_hadolint_finds_nothing() -> None:
    """The linter of Dockerfiles, and of the shell in them, is content."""
    ran(program("hadolint", "the environment deploy"), str(ROOT / "Dockerfile"))


@pytest.mark.parametrize("stage", [PACKAGES, PACKAGE, IMAGE], ids=lambda stage: stage.name)
def test_what_is_copied_is_sent(stage: Stage) -> None:
    """Every file that a COPY names is there, and not left out by .dockerignore."""
    own = [rest for word, rest in stage.instructions if word == "COPY" and "--from" not in rest]
    sources = [source for rest in own for source in rest.split()[:-1]]
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert is_sent(source), source


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        ".git/config",
        "data/llmproxy.sqlite3",
        "secrets/gateway/OPENAI_API_KEY",
        "src/llmproxy/__pycache__/app.pyc",
        "tests/conftest.py",
        ".environments/run/bin/python",
    ],
)
def test_nothing_else_is_sent(path: str) -> None:
    """Secrets, data and what this machine made never reach a layer."""
    assert not is_sent(path)


def test_packages_are_locked_and_never_built() -> None:
    """pip takes what the lock names, by hash, as wheels; there is no compiler anywhere."""
    (line,) = PACKAGES.of("RUN")
    for option in ("--require-hashes", "--no-deps", "--only-binary=:all:"):
        assert option in line
    assert "requirements/litellm.txt" in PACKAGES.of("COPY")[0]
    everything = (ROOT / "Dockerfile").read_text()
    for word in ("apt-get", "gcc", "curl", "build-essential", "pip install --upgrade"):
        assert word not in everything


def test_the_process_is_nobody() -> None:
    """A numbered user that is not root, which Kubernetes can check and the volume belongs to."""
    assert IMAGE.last("USER") == "10001:10001"
    made = " ".join(IMAGE.of("RUN"))
    assert "--uid 10001" in made
    assert "install -d -o 10001 -g 10001 -m 0700 /data" in made
    manifest = (ROOT / "deploy/kubernetes/base/statefulset.yaml").read_text()
    assert "runAsUser: 10001" in manifest
    assert "fsGroup: 10001" in manifest


def test_the_process_hears_signals() -> None:
    """No shell stands between Docker and the gateway, and the signal is the one that drains."""
    assert (IMAGE.command("ENTRYPOINT"), IMAGE.command("CMD")) == (["llmproxy"], ["serve"])
    assert IMAGE.last("STOPSIGNAL") == "SIGTERM"


def test_the_folder_of_the_data_is_the_volume() -> None:
    """What must outlive a container is on the volume, and the port is the one that is told."""
    variables = IMAGE.variables()
    assert variables["LLMPROXY_DATA_DIR"] == IMAGE.last("VOLUME") == "/data"
    assert variables["PORT"] == IMAGE.last("EXPOSE")
    assert variables["HOST"] == "0.0.0.0"  # noqa: S104 - said, not bound here


def test_the_three_stages_are_one_python() -> None:
    """The environment is made by the Python that runs it, whose version names its folder."""
    assert PACKAGES.image == PACKAGE.image == IMAGE.image == "python:3.13-slim-trixie"
    (target,) = [rest for rest in IMAGE.of("COPY") if "site-packages" in rest]
    assert target.endswith("/lib/python${PYTHON_VERSION}/site-packages/llmproxy")


def test_the_version_is_the_package_s() -> None:
    """The label says what is in it."""
    assert f"VERSION={__version__}" in IMAGE.of("ARG")
