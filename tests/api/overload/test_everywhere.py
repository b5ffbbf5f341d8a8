"""The gate is before every operation: uploads, sessions, responses by id, secrets."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from websockets.exceptions import InvalidStatus

from tests.api.asking import within
from tests.api.lifecycle.stage import arrived, asked, client_of, end_of, outcomes, stage, tag, tell
from tests.api.limits.stage import Stage
from tests.api.overload.place import (
    OVERLOADED,
    ask_for,
    comes_to,
    empty,
    everything_else,
    full,
    place,
)

SPEECH = ("speech.wav", b"RIFF\x24\x00\x00\x00WAVEfmt " + b"\x00" * 200, "audio/wav")


@pytest.fixture(name="narrow")
def _narrow(tmp_path: Path) -> Iterator[Stage]:
    """The only room is taken, nobody may wait."""
    with place(tmp_path, MAX_CONCURRENT_REQUESTS=1, MAX_QUEUED_REQUESTS=0) as stage:
        stage.hand_out(one={})
        with full(stage):
            yield stage
        assert empty(stage)


def test_all_of_the_data_plane_and_nothing_else(narrow: Stage) -> None:
    """Each is refused in the same words; health, metrics, models and administration are served."""
    with narrow.client("one") as client:
        for call in (
            lambda: client.chat.completions.create(**ask_for("x")),
            lambda: client.chat.completions.create(**ask_for("x"), stream=True),
            lambda: client.responses.create(model="counted", input="x"),
            lambda: client.embeddings.create(model="counted", input="x"),
            lambda: client.audio.transcriptions.create(model="writer", file=SPEECH),
            lambda: client.realtime.client_secrets.create(
                session={"type": "realtime", "model": "talker"}
            ),
        ):
            with pytest.raises(openai.InternalServerError) as refused:
                call()
            assert (refused.value.status_code, refused.value.code) == (503, OVERLOADED)
        with pytest.raises(InvalidStatus) as let_out, client.realtime.connect(model="talker"):
            pass
        assert let_out.value.response.status_code == 503
    everything_else(narrow)


def test_a_session_has_room_like_a_call(tmp_path: Path) -> None:
    """One, to its end, however many responses it asks for."""
    with place(tmp_path, MAX_CONCURRENT_REQUESTS=1, MAX_QUEUED_REQUESTS=0) as there:
        there.hand_out(one={})
        with there.client("one") as client:
            with client.realtime.connect(model="talker"):
                assert comes_to(there, running=1)
                with pytest.raises(openai.InternalServerError, match="as many requests"):
                    client.chat.completions.create(**ask_for("x"))
            assert comes_to(there, running=0)
            client.chat.completions.create(**ask_for("x"))


def test_who_waits_when_the_server_ends(tmp_path: Path) -> None:
    """It is refused as soon as the port is closed, while what runs comes to its end."""
    with stage(
        tmp_path, MAX_CONCURRENT_REQUESTS="1", QUEUE_TIMEOUT_S="60", DRAIN_DELAY_S="0"
    ) as there:

        async def calls() -> None:
            client = openai.AsyncOpenAI(base_url=f"{there.url}/v1", api_key="no", max_retries=0)
            create = client.chat.completions.create
            late = asyncio.create_task(create(**asked("late "), extra_headers=tag("late")))
            assert await asyncio.to_thread(within, 5, lambda: arrived(there, "late ") == 1)
            waits = asyncio.create_task(create(**asked("waits "), extra_headers=tag("waits")))
            await asyncio.sleep(0.3)
            tell(there)
            with pytest.raises(openai.InternalServerError) as refused:
                await waits
            assert (refused.value.status_code, refused.value.code) == (503, OVERLOADED)
            assert not late.done()
            assert (await late).choices[0].message.content

        asyncio.run(calls())
        assert end_of(there) == 0
        assert arrived(there, "waits ") == 0
        assert outcomes(there) == {"late": ("finished", None)}
        client_of(there).close()
