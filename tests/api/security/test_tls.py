"""HTTPS by the gateway itself: with official SDKs, renewed while it serves, and mutual TLS."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import openai
import pytest

from tests.api.asking import within
from tests.api.certificates import Certificate, certificate_for
from tests.api.gateway import START_S, address, command

WHERE = "IP:127.0.0.1"
HELLO = [{"role": "user", "content": "Hello over TLS"}]


@dataclass(frozen=True, slots=True)
class Secure:
    """A gateway that serves HTTPS."""

    url: str
    process: subprocess.Popen[bytes]
    log_path: Path

    @property
    def log(self) -> str:
        """What it wrote."""
        return self.log_path.read_text()


@contextmanager
def secured(folder: Path, settings: Mapping[str, str]) -> Iterator[Secure]:
    """Serve with these settings on a free port, and end it in order."""
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        "PORT": "0",
        "LLMPROXY_DATA_DIR": str(folder / "data"),
        "DRAIN_DELAY_S": "0",
        **settings,
    }
    log_path = folder / "server.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [*command(), "serve"], env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        secure = Secure(address(process, log_path), process, log_path)
        assert within(START_S, lambda: _listens(secure.url))
        yield secure
        assert process.poll() is None, log_path.read_text()
        process.terminate()
        assert process.wait(START_S) == 0, log_path.read_text()
        assert "Traceback" not in log_path.read_text()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _listens(url: str) -> bool:
    """The address is printed before the listener is open."""
    host, _, port = url.removeprefix("https://").rpartition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def settings_of(made: Certificate) -> dict[str, str]:
    """The settings that serve with this certificate."""
    return {"TLS_CERT_FILE": str(made.certificate), "TLS_KEY_FILE": str(made.key)}


def client_of(secure: Secure, trusted: Path, own: Certificate | None = None) -> openai.OpenAI:
    """The SDK, which trusts this certificate alone and may show one of its own."""
    context = ssl.create_default_context(cafile=str(trusted))
    if own is not None:
        context.load_cert_chain(own.certificate, own.key)
    return openai.OpenAI(
        base_url=f"{secure.url}/v1",
        api_key="none",
        max_retries=0,
        http_client=httpx.Client(verify=context, timeout=20),
    )


def moved(source: Certificate, target: Certificate) -> None:
    """Put a certificate and its key in another's place."""
    for old, new in ((source.certificate, target.certificate), (source.key, target.key)):
        beside = new.with_suffix(".new")
        shutil.copy(old, beside)
        beside.replace(new)


def test_the_sdk_over_tls_while_the_certificate_is_renewed(tmp_path: Path) -> None:
    """Plain and streamed; after SIGHUP new connections get the new certificate, old ones go on."""
    first, second = (certificate_for(tmp_path, name, WHERE) for name in ("first", "second"))
    served = Certificate(tmp_path / "served.pem", tmp_path / "served.key")
    moved(first, served)
    with secured(tmp_path, settings_of(served)) as secure:
        assert secure.url.startswith("https://127.0.0.1:")
        with client_of(secure, first.certificate) as client:
            answer = client.chat.completions.create(model="echo", messages=HELLO)
            assert answer.choices[0].message.content == "Hello over TLS"
            chunks = client.chat.completions.create(model="echo", messages=HELLO, stream=True)
            assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
            large = [{"role": "user", "content": "x" * 900_000}]
            echoed = client.chat.completions.create(model="echo", messages=large)
            assert len(echoed.choices[0].message.content or "") == 900_000
            moved(second, served)
            secure.process.send_signal(signal.SIGHUP)
            assert within(10.0, lambda: "as it is now" in secure.log)
            assert client.models.list().data  # over the connection that was there
        with client_of(secure, second.certificate) as client:
            assert client.models.list().data
        with (
            client_of(secure, first.certificate) as client,
            pytest.raises(openai.APIConnectionError),
        ):
            client.models.list()


def test_hsts_and_no_word_to_plain_http(tmp_path: Path) -> None:
    """The control plane tells browsers to stay with TLS; plain HTTP gets no answer."""
    made = certificate_for(tmp_path, "served", WHERE)
    with secured(tmp_path, settings_of(made)) as secure:
        context = ssl.create_default_context(cafile=str(made.certificate))
        with urllib.request.urlopen(f"{secure.url}/health", context=context, timeout=10) as answer:  # noqa: S310
            assert "max-age=" in answer.headers["strict-transport-security"]
        with pytest.raises(httpx.TransportError):
            httpx.get(secure.url.replace("https://", "http://") + "/health", timeout=10)


def test_mutual_tls(tmp_path: Path) -> None:
    """A client without a certificate of the named authority does not even get to say a word."""
    served = certificate_for(tmp_path, "served", WHERE)
    ours, others = (certificate_for(tmp_path, name, "DNS:client") for name in ("ours", "others"))
    settings = settings_of(served) | {"TLS_CLIENT_CA_FILE": str(ours.certificate)}
    with secured(tmp_path, settings) as secure:
        with client_of(secure, served.certificate, ours) as client:
            assert client.models.list().data
        for own in (None, others):
            with (
                client_of(secure, served.certificate, own) as client,
                pytest.raises(openai.APIConnectionError),
            ):
                client.models.list()


@pytest.mark.parametrize("fault", ["missing", "other-key", "password"])
def test_a_start_with_files_that_are_none(tmp_path: Path, fault: str) -> None:
    """It is refused in a sentence that names the setting; nothing is served."""
    made, other = (certificate_for(tmp_path, name, WHERE) for name in ("served", "other"))
    settings = (
        settings_of(made)
        | {
            "missing": {"TLS_CERT_FILE": str(tmp_path / "nowhere.pem")},
            "other-key": {"TLS_KEY_FILE": str(other.key)},
            "password": {"TLS_KEY_PASSWORD_NAME": "NOT_SET_ANYWHERE"},
        }[fault]
    )
    done = subprocess.run(
        [*command(), "serve"],
        env={"PATH": os.environ["PATH"], "PORT": "0", "HOME": str(tmp_path), **settings},
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("llmproxy: TLS_")
    assert "Traceback" not in done.stderr


def test_a_key_with_a_password_out_of_a_file(tmp_path: Path) -> None:
    """The password is a secret like others: its name is in the settings, its value is not."""
    made = certificate_for(tmp_path, "served", WHERE)
    locked, secrets = tmp_path / "locked.key", tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "TLS_PASSWORD").write_text("open-sesame")
    words = ["openssl", "pkey", "-aes256", "-passout", "pass:open-sesame"]
    subprocess.run([*words, "-in", made.key, "-out", locked], check=True, capture_output=True)
    settings = settings_of(Certificate(made.certificate, locked)) | {
        "TLS_KEY_PASSWORD_NAME": "TLS_PASSWORD",
        "SECRETS_DIR": str(secrets),
    }
    with secured(tmp_path, settings) as secure, client_of(secure, made.certificate) as client:
        assert client.models.list().data
        assert "open-sesame" not in secure.log
