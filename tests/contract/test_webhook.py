"""Messages reach a real HTTP server in their order, again after failures, and never hold up."""

import asyncio
import logging

import pytest

from llmproxy.infra.alerts import webhook as module
from llmproxy.infra.alerts.webhook import Webhook
from tests.contract.webhook_server import receiving

pytestmark = pytest.mark.asyncio
AT_ONCE = (0.0, 0.0)


def counts(webhook: Webhook) -> tuple[float, float, float]:
    """Return how many were sent, failed, dropped."""
    figures = webhook.counts()
    return figures["webhook_sent"], figures["webhook_failed"], figures["webhook_dropped"]


async def test_in_order() -> None:
    """Several messages, one after the other."""
    async with receiving() as received:
        webhook = Webhook(received.post)
        for number in range(5):
            webhook.send(b'{"n":%d}' % number)
        await webhook.stop(5.0)
    assert received.bodies == [b'{"n":%d}' % number for number in range(5)]
    assert counts(webhook) == (5, 0, 0)


@pytest.mark.parametrize("trouble", [500, 503, 429, 408, 0])
async def test_tried_again(trouble: int) -> None:
    """A failure of the server is tried twice more, with the same body."""
    async with receiving() as received:
        received.statuses = [trouble, trouble, 204]
        webhook = Webhook(received.post, pauses_s=AT_ONCE)
        webhook.send(b"{}")
        await webhook.stop(5.0)
    assert received.bodies == [b"{}"] * 3
    assert counts(webhook) == (1, 0, 0)


@pytest.mark.parametrize(("statuses", "tries"), [([500] * 3, 3), ([404], 1), ([301], 1)])
async def test_given_up(caplog: pytest.LogCaptureFixture, statuses: list[int], tries: int) -> None:
    """After three tries, or at once when the same message cannot succeed; the next one is sent."""
    async with receiving() as received:
        received.statuses = list(statuses)
        webhook = Webhook(received.post, pauses_s=AT_ONCE)
        webhook.send(b"1")
        webhook.send(b"2")
        await webhook.stop(5.0)
    assert received.bodies == [b"1"] * tries + [b"2"]
    assert counts(webhook) == (1, 1, 0)
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage().endswith(f"status {statuses[0]}")


async def test_silence() -> None:
    """A server that never answers holds nothing up: what waits is given up at the end."""
    async with receiving() as received:
        received.statuses = [-1]
        webhook = Webhook(received.post)
        webhook.send(b"1")
        webhook.send(b"2")
        await received.some.wait()
        await webhook.stop(0.01)
        await webhook.stop(0.01)
        webhook.send(b"3")
    assert received.bodies == [b"1"]
    assert counts(webhook) == (0, 0, 2)


async def test_bounded() -> None:
    """Of a flood 256 wait, the rest is dropped and counted."""
    release = asyncio.Event()

    async def post(_: bytes) -> int:
        await release.wait()
        return 200

    webhook = Webhook(post)
    for _ in range(1_000):
        webhook.send(b"{}")
    assert webhook.counts()["webhook_waiting"] == module.MAX_WAITING
    release.set()
    await webhook.stop(5.0)
    assert counts(webhook) == (256, 0, 744)


async def test_the_address_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    """What a client raises may hold the address: only its kind is told."""

    async def post(_: bytes) -> int:
        raise OSError("cannot reach https://hooks.example/s3cret")

    webhook = Webhook(post, pauses_s=())
    webhook.send(b"{}")
    await webhook.stop(5.0)
    assert caplog.messages == ["the webhook for alerts did not take a message: OSError"]
    assert counts(webhook) == (0, 1, 0)


async def test_stopping_what_never_began() -> None:
    """There is nothing to wait for."""
    await Webhook(lambda _: asyncio.sleep(0, 200)).stop()
