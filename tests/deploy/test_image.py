"""What the image holds is enough to serve, on a root that is read-only, as nobody."""

import http.client
import json
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.api.documents import SECRETS, document
from tests.deploy.confined import DATA, HELD, confined, give, outcome, why_not
from tests.deploy.dockerfile import ROOT, is_sent, read
from tests.ports import free_port
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running

_, PACKAGE, IMAGE = read()
START_S = 60.0
LOAD_S = 60.0
"""Importing LiteLLM takes 5 to 7 s on a machine that does nothing else."""
ADMIN_KEY = "an-admin-key-of-thirty-two-letters"
SITE = HELD / "site-packages"


@dataclass(frozen=True, slots=True)
class Image:
    """The folder that stands for the image's /opt/llmproxy, a data folder, and who runs them."""

    held: Path
    data: Path
    variables: dict[str, str]
    simulator: OpenAISimulator

    def command(self, *words: str) -> list[str]:
        """The image's entry point with these words."""
        return [str(HELD / "bin" / IMAGE.command("ENTRYPOINT")[0]), *words]

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """A command of it that ends."""
        return outcome(self.data, self.held, self.command(*words), self.variables)


def installed_python() -> Path:
    """The Python of an environment with the image's packages, that of `LLMPROXY_LITELLM_BIN`."""
    default = ROOT / ".environments/litellm-tests/bin/llmproxy"
    found = Path(os.environ.get("LLMPROXY_LITELLM_BIN", str(default))).parent / "python"
    if not found.exists():
        missing = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        missing(f"{found} was not found (scripts/test makes the environment litellm-tests)")
    return found


def compile_in(folder: Path, python: Path) -> None:
    """Do what the second stage does: its COPY, as far as it is sent, and its RUN."""
    source, target = PACKAGE.last("COPY").split()
    assert target == "/build/llmproxy"

    def left_out(place: str, names: list[str]) -> set[str]:
        return {name for name in names if not is_sent(str((Path(place) / name).relative_to(ROOT)))}

    shutil.copytree(ROOT / source, folder / "llmproxy", ignore=left_out)
    line = PACKAGE.last("RUN").replace("/build", str(folder)).replace("/opt/llmproxy", str(HELD))
    words = shlex.split(line)
    assert words[0] == "python"
    subprocess.run([str(python), *words[1:]], check=True)


def entry_point(folder: Path, python: Path) -> None:
    """Do what the last stage's RUN does, which writes the command."""
    (line,) = [each for each in IMAGE.of("RUN") if each.startswith("printf")]
    (folder / "bin").mkdir()
    here = line.replace("/opt/llmproxy/bin/python", str(python))
    subprocess.run(["sh", "-c", here.replace("/opt/llmproxy", str(folder))], check=True)


@pytest.fixture(scope="module", name="image")
def _image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)  # also where CI=true: what a container may do is not ours to say
    folder = tmp_path_factory.mktemp("image")
    held, data, python = folder / "held", folder / "data", installed_python()
    (held / "site-packages").mkdir(parents=True)
    give(data)
    compile_in(held / "site-packages", python)
    entry_point(held, python)
    variables = IMAGE.variables() | {
        "PYTHONPATH": str(SITE),  # before what the environment's own link leads to
        "LLMPROXY_DATA_DIR": str(DATA),
        "HOST": "127.0.0.1",
        "PORT": str(free_port()),
        "ENVIRONMENT": "production",
        "DRAIN_DELAY_S": "0",
        "LLMPROXY_ADMIN_KEY": ADMIN_KEY,
        **SECRETS,
    }
    del variables["PATH"]
    with running(OpenAISimulator()) as simulator:
        yield Image(held, data, variables, simulator)


def _ask(port: str, path: str, body: bytes | None = None, kind: str = "application/json") -> bytes:
    headers = {"authorization": f"Bearer {ADMIN_KEY}", "content-type": kind}
    with closing(http.client.HTTPConnection("127.0.0.1", int(port), timeout=30)) as connection:
        connection.request("POST" if body else "GET", path, body, headers)
        answer = connection.getresponse()
        received = answer.read()
    assert answer.status == 200, received
    return received


def test_every_module_is_compiled(image: Image) -> None:
    """Nothing is left to compile on a root that cannot be written, and no bytecode is outdated."""
    package = image.held / "site-packages/llmproxy"
    sources = list(package.rglob("*.py"))
    assert len(sources) > 300
    for source in sources:
        (made,) = (source.parent / "__pycache__").glob(f"{source.stem}.cpython-*.pyc")
        flags = int.from_bytes(made.read_bytes()[4:8], "little")
        assert flags == 0b01, f"{made}: not an unchecked hash"


def test_the_package_is_what_was_copied(image: Image) -> None:
    """The command runs the copied files, not those of this folder."""
    done = image.run("--version")
    assert done.returncode == 0, done.stderr
    python = [str(installed_python()), "-c", "import llmproxy; print(llmproxy.__file__)"]
    told = outcome(image.data, image.held, python, image.variables)
    assert told.stdout.strip() == str(SITE / "llmproxy/__init__.py"), told.stderr


def test_without_a_key_it_does_not_start(image: Image) -> None:
    """A container that everybody reaches is refused, in words, before it spends money."""
    keyless = {name: each for name, each in image.variables.items() if "ADMIN_KEY" not in name}
    empty = image.held.parent / "empty"
    give(empty)
    done = outcome(empty, image.held, image.command("serve"), keyless | {"PORT": "0"})
    assert done.returncode == 2
    assert "no keys" in done.stderr + done.stdout


def test_it_serves_on_a_root_that_is_read_only(image: Image, tmp_path: Path) -> None:
    """Commands, calls, an upload that is kept in a file, health, and an end in good order."""
    _import_models(image)
    port = image.variables["PORT"]
    with _serving(image, tmp_path / "server.log"):
        chat = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}
        assert b"choices" in _ask(port, "/v1/chat/completions", json.dumps(chat).encode())
        form = _form(3 * 1024 * 1024)  # beyond the MiB that stays in memory
        kind = "multipart/form-data; boundary=b0"
        assert b"text" in _ask(port, "/v1/audio/transcriptions", form, kind)
        _look(int(port), expected=0)
        _wait_for_litellm(port)
    said = (tmp_path / "server.log").read_text()
    assert "Traceback" not in said, said
    assert "Read-only" not in said, said
    assert {path.name for path in image.data.iterdir()} >= {"llmproxy.sqlite3", "journal"}
    assert {path.name for path in image.held.iterdir()} == {"site-packages", "bin"}
    _look(int(port), expected=1)


def _wait_for_litellm(port: str) -> None:
    """Until the models are ready whose translators are LiteLLM's, imported on this root."""
    until = time.monotonic() + LOAD_S
    while (counted := json.loads(_ask(port, "/health/ready"))["models"])["not_ready"]:
        assert time.monotonic() < until, counted
        time.sleep(0.2)
    assert counted["ready"] == 3


def _import_models(image: Image) -> None:
    account = {"secret_name": "OPENAI_SIMULATOR_KEY", "endpoint": image.simulator.base_url}
    whisper = document("whisper", "OpenAI", "OpenAI", model="whisper-1", **account)
    mini = document("gpt-4o-mini", "OpenAI", "OpenAI", **account)
    cohere = document(
        "cohere", "LiteLLM", "LiteLLM", litellm_model="cohere/command-r-08-2024", **account
    )
    written = json.dumps([mini, whisper | {"operations": ["audio_stt"]}, cohere])
    (image.data / "models.json").write_text(written)
    done = image.run("models", "import", str(DATA / "models.json"))
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def _serving(image: Image, log_path: Path) -> Iterator[None]:
    """Run the image's own command while the block runs; it must end with 0."""
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            confined(image.data, image.held, image.command(*IMAGE.command("CMD"))),
            env={"PATH": os.environ["PATH"], **image.variables},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_for(image.variables["PORT"], process, log_path)
        yield
        process.terminate()
        assert process.wait(30) == 0, log_path.read_text()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _wait_for(port: str, process: "subprocess.Popen[bytes]", log_path: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        assert process.poll() is None, log_path.read_text()
        try:
            _ask(port, "/health/ready")
        except (ConnectionError, AssertionError):
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"it did not start:\n{log_path.read_text()}")


def _form(sound_bytes: int) -> bytes:
    part = b"--b0\r\ncontent-disposition: form-data; name="
    return (
        part
        + b'"model"\r\n\r\nwhisper\r\n'
        + part
        + b'"file"; filename="a.mp3"\r\ncontent-type: audio/mpeg\r\n\r\n'
        + b"ID3"
        + bytes(sound_bytes)
        + b"\r\n--b0--\r\n"
    )


def _look(port: int, *, expected: int) -> None:
    """Run the image's health check, as Docker does."""
    (line,) = IMAGE.of("HEALTHCHECK")
    _, _, command = line.partition("CMD ")
    python, *options, script, path = json.loads(command)
    assert (python, script) == ("python", "/opt/llmproxy/healthcheck.py")
    done = subprocess.run(
        [str(installed_python()), *options, str(ROOT / "deploy/healthcheck.py"), path],
        env={"PORT": str(port)},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == expected, done.stderr
