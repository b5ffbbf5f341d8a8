"""What a doctor's checks find of settings, machine, doors and limits, and how they are run."""

import asyncio
from collections.abc import Sequence

import pytest

from llmproxy.application.interfaces.store import StoreUnusableError
from llmproxy.application.use_cases.doctor.advice import LATE, advice
from llmproxy.application.use_cases.doctor.examine import LATE as CHECK_LATE
from llmproxy.application.use_cases.doctor.examine import Check, Examined, examine
from llmproxy.application.use_cases.doctor.findings import Finding, Level, named, ok
from llmproxy.application.use_cases.doctor.spelling import misspelt
from llmproxy.domain.document import parse_model
from llmproxy.domain.errors import OwnFault, TimedOut, Unavailable
from tests.fakes.documents import azure_document, document

# ------------------------------------------------------------------------------------ examination


@pytest.mark.asyncio
async def test_a_check_that_hangs_holds_up_no_other() -> None:
    """It is a problem after its limit, with what to do; the others are told before."""

    async def hang() -> Sequence[Finding]:
        await asyncio.sleep(60)
        return []

    async def well() -> Sequence[Finding]:
        return [ok("well")]

    checks = [Check("slow", hang), Check("fast", well)]
    done = [each async for each in examine(checks, 0.05)]

    assert done == [
        Examined("fast", [ok("well")]),
        Examined("slow", [Finding(Level.PROBLEM, "no answer within 0.05 s", CHECK_LATE)]),
    ]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Unavailable("Away.", detail="refused"), "Away. refused"),
        (StoreUnusableError("no container"), "no container"),
        (KeyError("a-password"), "the check itself broke: KeyError"),
    ],
)
async def test_a_check_that_breaks_is_a_problem(error: Exception, said: str) -> None:
    """Our own errors in their words; of any other only its kind, since it could hold a secret."""

    async def broken() -> Sequence[Finding]:
        raise error

    [done] = [each async for each in examine([Check("broken", broken)], 5)]
    assert [(each.level, each.what) for each in done.findings] == [(Level.PROBLEM, said)]


@pytest.mark.asyncio
async def test_who_stops_listening_ends_the_checks() -> None:
    """No check goes on behind an examination that was given up."""
    ended = asyncio.Event()

    async def hang() -> Sequence[Finding]:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()
        return []

    async def well() -> Sequence[Finding]:
        return []

    examination = examine([Check("slow", hang), Check("fast", well)], 60)
    assert (await anext(examination)).name == "fast"
    await examination.aclose()  # type: ignore[attr-defined]
    assert ended.is_set()


# ---------------------------------------------------------------------------------------- spelling


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("REDIS_ULR", "did you mean REDIS_URL?"),
        ("redis_url", "did you mean REDIS_URL?"),
        ("MAX_BODY_BYTE", None),
        ("MAX_BODY_BYTSE", "did you mean MAX_BODY_BYTES?"),
        ("LLMPROXY_DATA_DIRECTORY_X", "see .env.example for all of them"),
        ("LLMPROXY_ENV_FILE", None),
        ("LLMPROXY_PORT_8000_TCP_ADDR", None),
        ("LLMPROXY_SERVICE_HOST", None),
        ("OTHER_REDIS_URL", None),
        ("OPENAI_API_KEY_2", None),
        ("MENTIONED_URLS", None),
        ("PATH", None),
        ("REDIS_URL", None),
    ],
)
def test_misspelt_variables(name: str, said: str | None) -> None:
    """What is near a setting is asked about; other programs' variables are left alone."""
    known = ["REDIS_URL", "MAX_BODY_BYTES", "OPENAI_API_KEY", "MENTIONED_URL", "PORT", "HOST"]
    [found] = misspelt([name], known, ["MENTIONED_URLS"])
    assert found.todo == (said or "")
    assert (found.level is Level.OK) == (said is None)


# ------------------------------------------------------------------------------------------ advice


def test_advice_names_the_secret() -> None:
    """A key that a provider refuses is told by its name, and never by its value."""
    model = parse_model(document(parameters={"model": "m", "secret_name": "MY_KEY"})).model
    refused = OwnFault("Refused.", code="upstream_credentials")
    assert "MY_KEY" in advice(refused, model)
    by_entra = parse_model(azure_document(auth="entra", secret_name=None)).model
    assert "Cognitive Services OpenAI User" in advice(refused, by_entra)


def test_advice_for_silence_and_for_what_is_unknown() -> None:
    """Any kind of silence has the same advice; what is not known sends to the words."""
    model = parse_model(document()).model
    assert advice(TimedOut("Slow.", code="upstream_first_token_timeout"), model) == LATE
    assert "what the provider says" in advice(OwnFault("?", code="new"), model)


def test_many_names_are_shortened() -> None:
    """A sentence stays one."""
    assert named(["a", "b"]) == "a, b"
    assert named(list("abcdefgh")) == "a, b, c, d, e and 3 more"
