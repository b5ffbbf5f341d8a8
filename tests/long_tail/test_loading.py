"""Loading LiteLLM: how long others wait for it, and what it may not do meanwhile or ever."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from llmproxy.domain.errors import OwnFault
from llmproxy.domain.secret import Secret
from llmproxy.infra.providers.long_tail.closed import Barred, closed
from llmproxy.infra.providers.long_tail.converse import Converse
from llmproxy.infra.providers.long_tail.departures import plain
from llmproxy.infra.providers.long_tail.document import Said
from llmproxy.infra.providers.long_tail.entry import LongTail, warmed
from llmproxy.infra.providers.long_tail.importing import VERSION, part
from llmproxy.infra.providers.long_tail.translation import LongTailChat
from llmproxy.infra.providers.openai_wire.endpoints import Incomplete
from llmproxy.infra.providers.transport.client import HttpClient
from llmproxy.infra.providers.transport.proxies import Proxies
from tests.long_tail.pairs import asking, model

ROOT = Path(__file__).parents[2]
LONGEST_STALL_S = 0.2


@pytest.mark.parametrize(
    "name", ["bedrock/us.amazon.nova-pro-v1:0", "gemini/gemini-2.5-flash", "cohere/command-r"]
)
def test_the_event_loop_goes_on(name: str) -> None:
    """While LiteLLM is imported and a translator prepared, no turn of the loop waits for long."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.long_tail.stall", name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    longest_work_s, _, _ = map(float, done.stdout.split())
    assert longest_work_s < LONGEST_STALL_S, done.stdout


def test_who_does_not_need_it_does_not_pay() -> None:
    """Installed, but with models that are called without it, it is not imported."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.long_tail.unused"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


def test_the_version_is_the_pinned_one() -> None:
    """The code, the package's extra and the lock name one version."""
    assert f'"litellm=={VERSION}"' in (ROOT / "pyproject.toml").read_text()
    assert f"litellm=={VERSION} " in (ROOT / "requirements" / "litellm.txt").read_text()


@pytest.mark.usefixtures("long_tail")
def test_no_connection_while_it_translates() -> None:
    """A connection of the translating thread is refused, and only while it translates."""
    with closed() as watch, pytest.raises(Barred):
        socket.create_connection(("127.0.0.1", 9), timeout=1)
    assert watch.tried
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", 9), timeout=1)


@pytest.mark.asyncio
@pytest.mark.usefixtures("long_tail")
async def test_a_translator_that_would_sign_in_is_stopped() -> None:
    """GigaChat's signs in over the network in the middle of a request: it cannot."""
    name = "gigachat/GigaChat-2"
    prepared = warmed(name)
    document = model({"litellm_model": name, "secret_name": "THE_KEY"})
    dialect = plain(prepared, Said(name, "https://host.invalid", Secret("a-key"), {}))
    client = HttpClient(max_connections=1, proxies=Proxies({}))
    chat = LongTailChat(client, document, prepared, dialect)
    with pytest.raises(OwnFault) as raised:
        await chat.request(asking({"messages": [{"role": "user", "content": "Hello"}]}))
    assert "a connection of its own" in raised.value.detail


def test_pictures_are_never_fetched(long_tail: LongTail) -> None:
    """What LiteLLM would fetch and send is not understood, so that it is refused before."""
    assert long_tail is not None
    prepared = warmed("gemini/gemini-2.5-flash")
    assert prepared.media.pictures
    assert not prepared.media.links
    with closed() as watch, pytest.raises(part("exceptions", "ImageFetchError")):
        prepared.config.transform_messages(
            [
                {
                    "role": "user",
                    "content": [
                        {"type": "image_url", "image_url": {"url": "https://host.invalid/a.png"}}
                    ],
                }
            ],
            "gemini-2.5-flash",
        )
    assert watch.tried == "socket.getaddrinfo"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no-such-provider/x", "knows no provider no-such-provider"),
        ("elevenlabs/x", "no translator for elevenlabs"),
    ],
)
@pytest.mark.usefixtures("long_tail")
def test_providers_that_cannot_be_called(name: str, words: str) -> None:
    """The reason is told, in words for people."""
    with pytest.raises(Incomplete, match=words):
        warmed(name)


@pytest.mark.usefixtures("long_tail")
def test_bedrock_models_of_other_apis() -> None:
    """Only Converse is called; a model of another API says so instead of failing."""
    name = "bedrock/invoke/anthropic.claude-3-5-sonnet-20241022-v2:0"
    with pytest.raises(Incomplete, match="another API at Bedrock than Converse"):
        Converse(warmed(name), Said(name, None, Secret("a-key"), {"aws_region_name": "eu-west-1"}))
