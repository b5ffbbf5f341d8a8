"""However many models are registered and taken away, the figures are bounded."""

from llmproxy.application.interfaces.journal import Closed
from llmproxy.infra.telemetry.prometheus.calls import MAX_KEPT, TOGETHER, CallMeter, Gone
from llmproxy.infra.telemetry.prometheus.series import Room
from tests.exposition import read, value
from tests.unit.infra.telemetry.prometheus.settled import attempt, settled

REQUESTS = "llmproxy_requests_total"
LINES_OF_A_MODEL = 100
"""More than one model's series take: a histogram of calls, one of its deployment."""


def text_of(meter: CallMeter) -> str:
    """The exposition of calls."""
    blocks = [(family.head, *samples) for family, samples in meter.blocks("0")]
    return "\n".join([line for block in blocks for line in block]) + "\n"


def of_model(number: int) -> Closed:
    """A call to a model of its own."""
    return settled(f"model-{number}", attempts=[attempt(f"deployment-{number}")])


def test_what_has_no_room_is_counted_together() -> None:
    """Nothing is lost: sums over all series are those of all calls."""
    meter = CallMeter(lambda _: "Azure", Room(5 * LINES_OF_A_MODEL))
    for number in range(300):
        meter.settled(of_model(number))
        meter.settled(of_model(number))

    text = text_of(meter)
    found = read(text)
    assert len(text.splitlines()) < 7 * LINES_OF_A_MODEL
    assert value(found, REQUESTS, model="model-0") == 2
    assert value(found, REQUESTS) == 600
    assert value(found, REQUESTS, model="other", provider="other", code="other") > 500
    assert value(found, "llmproxy_upstream_duration_seconds_count") == 600
    assert value(found, "llmproxy_tokens_total", type="input") == 6_000
    assert value(found, "llmproxy_metrics_overflowed_total") > 500
    assert value(found, "llmproxy_metrics_lines") <= 5 * LINES_OF_A_MODEL


def test_room_of_models_that_are_gone() -> None:
    """Once half of the room is taken, a change of the registry's models gives it back."""
    meter = CallMeter(lambda _: "Azure", Room(20 * LINES_OF_A_MODEL))
    gone = Gone(lambda model: model != "model-0", lambda each: each != "deployment-0")
    for number in range(3):
        meter.settled(of_model(number))
    meter.follow(gone)
    assert value(read(text_of(meter)), REQUESTS) == 3

    for number in range(40):
        meter.settled(of_model(number))
    meter.fold()
    before = meter.room.taken
    meter.follow(gone)
    meter.settled(of_model(0))

    found = read(text_of(meter))
    assert meter.room.taken < before / 2
    assert value(found, REQUESTS, model="model-0") == 3
    assert not [labels for name, labels in found if ("model", "model-1") in labels]


def test_a_document_that_changes_its_provider() -> None:
    """It is asked for again when the registry's models are others, and not for each call."""
    asked: list[str] = []
    provider = "Azure"

    def provider_of(deployment: str) -> str:
        asked.append(deployment)
        return provider

    meter = CallMeter(provider_of)
    for _ in range(5):
        meter.settled(settled())
    meter.fold()
    assert len(asked) == 2
    provider = "OpenAI"
    meter.follow(Gone(lambda _: False, lambda _: False))
    meter.settled(settled())

    found = read(text_of(meter))
    assert value(found, REQUESTS, provider="Azure") == 5
    assert value(found, REQUESTS, provider="OpenAI") == 1


def test_calls_are_counted_many_in_a_row() -> None:
    """Or when somebody reads; each once."""
    asked: list[str] = []

    def provider_of(deployment: str) -> str:
        asked.append(deployment)
        return "Azure"

    meter = CallMeter(provider_of)
    for _ in range(TOGETHER - 1):
        meter.settled(settled())
    assert not asked
    meter.settled(settled())
    assert asked
    meter.settled(settled())
    for _ in range(2):
        assert value(read(text_of(meter)), REQUESTS) == TOGETHER + 1


def test_codes_without_end() -> None:
    """What is kept at hand for a provider's own codes is let go when it is too much."""
    meter = CallMeter(lambda _: "Azure")
    for number in range(MAX_KEPT + 10):
        tries = [attempt(error=f"because_{number}", status=400)]
        meter.settled(settled(error=f"because_{number}", attempts=tries))

    found = read(text_of(meter))
    assert value(found, REQUESTS) == MAX_KEPT + 10
    assert len(text_of(meter).splitlines()) < 2 * LINES_OF_A_MODEL
