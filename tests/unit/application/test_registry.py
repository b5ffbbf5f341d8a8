"""Who may call which model, from one immutable snapshot."""

from dataclasses import replace

import pytest

from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.registry import ANYONE, MAX_PLANS, Registry, Snapshot
from llmproxy.domain.caller import Caller, key_digest
from llmproxy.domain.errors import (
    InvalidRequest,
    OperationNotSupported,
    Unauthenticated,
    Unavailable,
    UnknownModel,
)
from llmproxy.domain.operation import Operation
from tests.fakes.clock import FakeClock
from tests.fakes.upstream import CALLER, deployment

KEY = b"sk-llmproxy-1"
NARROW = Caller("key_2", "alpha", frozenset({"open", "two-b"}), admin=False, expires_at=None)

OPEN = deployment(id="open-1", code="open")
TWO_A = deployment(id="two-a", code="two")
TWO_B = deployment(id="two-b", code="two")
PRIVATE = deployment(id="private", code="private", private=True, projects=["alpha"])
PICTURES = deployment(id="pictures", code="pictures", operations=["images"])
ALL = (OPEN, TWO_A, TWO_B, PRIVATE, PICTURES)


def _registry(
    *deployments: Deployment, callers: tuple[Caller, ...] = (), open_to_all: bool = False
) -> Registry:
    registry = Registry(FakeClock())
    keys = {key_digest(KEY): caller for caller in callers}
    registry.install(Snapshot(deployments, keys, open_to_all))
    return registry


def _here() -> bool:
    return True


def _elsewhere() -> bool:
    return False


def test_before_the_first_snapshot() -> None:
    """Until there is one the gateway says that it starts: it knows no key and refuses none."""
    registry = Registry(FakeClock())

    assert not registry.loaded
    with pytest.raises(Unavailable) as starting:
        registry.authenticate(KEY, _here)
    assert starting.value.retry_after_s == 1.0
    registry.install(Snapshot())
    assert registry.loaded


def test_a_key_is_known_by_its_digest() -> None:
    """The snapshot holds digests: the key itself finds its caller, and nothing else does."""
    registry = _registry(callers=(CALLER,))

    assert registry.authenticate(KEY, _elsewhere) is CALLER
    for wrong in (KEY[:-1], KEY + b" ", KEY.upper(), key_digest(KEY), b"\xff"):
        with pytest.raises(Unauthenticated) as unknown:
            registry.authenticate(wrong, _here)
        assert unknown.value.message == "Incorrect API key provided."


@pytest.mark.parametrize("key", [None, b""])
def test_without_a_key(key: bytes | None) -> None:
    """Once there are keys, this machine needs one too."""
    with pytest.raises(Unauthenticated) as missing:
        _registry(callers=(CALLER,)).authenticate(key, _here)
    assert "Authorization header" in missing.value.message


def test_an_expired_key() -> None:
    """A key counts until the second it expires in, and not in it."""
    clock = FakeClock()
    registry = Registry(clock)
    caller = Caller("key_1", None, None, admin=False, expires_at=clock.now() + 10)
    registry.install(Snapshot(keys={key_digest(KEY): caller}))

    clock.advance(9.9)
    assert registry.authenticate(KEY, _elsewhere) is caller
    clock.advance(0.1)
    with pytest.raises(Unauthenticated) as expired:
        registry.authenticate(KEY, _elsewhere)
    assert "expired" in expired.value.message


def test_while_no_key_was_ever_made() -> None:
    """This machine itself is served without a key, any other is told what to do."""
    registry = _registry(open_to_all=True)

    assert registry.authenticate(b"anything", _here) is ANYONE
    assert registry.authenticate(None, _here) is ANYONE
    with pytest.raises(Unauthenticated) as refused:
        registry.authenticate(b"anything", _elsewhere)
    assert "llmproxy keys create" in refused.value.message


def test_names() -> None:
    """A code finds all its deployments, an id its own; a code goes before an id of that name."""
    other = deployment(id="two", code="other")
    registry = _registry(*ALL, other)

    assert registry.named("two", CALLER) == (TWO_A, TWO_B)
    assert registry.named("two-b", CALLER) == (TWO_B,)
    assert registry.named("other", CALLER) == (other,)
    assert registry.named("open-1", CALLER) == (OPEN,)


def test_hidden_and_unknown_are_told_alike() -> None:
    """Whether a model exists cannot be learned from the words of a refusal."""
    stranger = Caller("key_3", "beta", None, admin=False, expires_at=None)
    projectless = Caller("key_4", None, None, admin=False, expires_at=None)
    registry = _registry(*ALL)

    assert registry.named("private", CALLER) == (PRIVATE,)
    assert registry.named("private", ANYONE) == (PRIVATE,)
    words = set()
    for caller, name in ((stranger, "private"), (projectless, "private"), (CALLER, "nobody")):
        with pytest.raises(UnknownModel) as unknown:
            registry.named(name, caller)
        words.add(unknown.value.message.replace(name, "*"))
    assert len(words) == 1


def test_a_key_for_some_models() -> None:
    """A key that names models may use these by code or id, and sees no others."""
    registry = _registry(*ALL)

    assert registry.named("open", NARROW) == (OPEN,)
    assert registry.named("two", NARROW) == (TWO_B,)
    assert registry.visible(NARROW) == {"open": (OPEN,), "two": (TWO_B,)}
    with pytest.raises(UnknownModel):
        registry.named("private", NARROW)


def test_visible_models() -> None:
    """All that a caller may know, by code, in the order of registration."""
    assert list(_registry(*ALL).visible(CALLER)) == ["open", "two", "private", "pictures"]
    assert list(_registry(*ALL).visible(ANYONE)) == ["open", "two", "private", "pictures"]
    assert _registry().visible(CALLER) == {}


def test_candidates_offer_the_operation() -> None:
    """Only deployments whose document allows the operation are asked."""
    drawing = deployment(id="two-c", code="two", operations=["images"])
    registry = _registry(*ALL, drawing)

    assert registry.candidates("two", CALLER, Operation.CHAT_COMPLETION) == (TWO_A, TWO_B)
    assert registry.candidates("two", CALLER, Operation.IMAGES) == (drawing,)


def test_an_operation_that_is_not_offered() -> None:
    """The refusal names models that this caller may use for it, and no others."""
    with pytest.raises(OperationNotSupported) as refused:
        _registry(*ALL).candidates("pictures", CALLER, Operation.CHAT_COMPLETION)
    assert refused.value.param == "model"
    assert refused.value.message.endswith("Models that do: open, two, private.")

    with pytest.raises(OperationNotSupported) as nothing:
        _registry(PICTURES).candidates("pictures", CALLER, Operation.CHAT_COMPLETION)
    assert nothing.value.message.endswith("Models that do: none.")


def test_plans_are_remembered_within_bounds() -> None:
    """A plan is made once; however many callers there are, what is remembered stays small."""
    registry = _registry(*ALL)
    first = registry.candidates("two", CALLER, Operation.CHAT_COMPLETION)
    assert registry.candidates("two", CALLER, Operation.CHAT_COMPLETION) is first
    for number in range(MAX_PLANS + 1):
        caller = Caller(f"key_{number}", "alpha", None, admin=False, expires_at=None)
        assert registry.candidates("open", caller, Operation.CHAT_COMPLETION) == (OPEN,)
    again = registry.candidates("two", CALLER, Operation.CHAT_COMPLETION)
    assert again == first
    assert again is not first


def test_the_only_model() -> None:
    """A request without a model is served where there is no choice, else refused with a list."""
    registry = _registry(*ALL)
    assert registry.only_model(CALLER, Operation.IMAGES) == "pictures"
    for operation, listed in (
        (Operation.CHAT_COMPLETION, "open, two, private"),
        (Operation.MODERATIONS, "none"),
    ):
        with pytest.raises(InvalidRequest) as refused:
            registry.only_model(CALLER, operation)
        assert (refused.value.param, refused.value.code) == ("model", "missing_required_parameter")
        assert refused.value.message.endswith(f"Models that offer `{operation}`: {listed}.")


def test_messages_are_bounded() -> None:
    """Neither a caller's long name nor a thousand models make a long message."""
    many = [deployment(id=f"m-{number}", code=f"m-{number}") for number in range(1000)]
    registry = _registry(*many, PICTURES)

    with pytest.raises(UnknownModel) as unknown:
        registry.named("x" * 10_000, CALLER)
    with pytest.raises(OperationNotSupported) as refused:
        registry.candidates("pictures", CALLER, Operation.CHAT_COMPLETION)
    assert len(unknown.value.message) < 300
    assert len(refused.value.message) < 400


def test_a_caller_that_something_else_vouches_for() -> None:
    """A key's id stands for its caller as long as the key itself would be let in."""
    clock = FakeClock()
    registry = Registry(clock)
    late = replace(CALLER, key_id="key_2", expires_at=clock.now() + 10)
    registry.install(Snapshot((OPEN,), {b"one": CALLER, b"two": late}))
    assert registry.vouched(CALLER.key_id, lambda: False) is CALLER
    assert registry.vouched("key_2", lambda: False) is late
    clock.advance(10)
    for key_id in ("key_2", "key_3", "none"):
        with pytest.raises(Unauthenticated):
            registry.vouched(key_id, lambda: True)


def test_nobody_in_particular_is_vouched_for_without_keys() -> None:
    """While there are no keys, this machine itself is let in."""
    registry = Registry(FakeClock())
    registry.install(Snapshot((OPEN,), open_to_all=True))
    assert registry.vouched("none", lambda: True).key_id == "none"
    with pytest.raises(Unauthenticated):
        registry.vouched("none", lambda: False)


def test_labels_are_header_values() -> None:
    """A code that no header could hold is shown by question marks."""
    odd = Deployment(OPEN.model, None, None)
    assert odd.labels == (b"x-llmproxy-model: open", b"x-llmproxy-deployment: open-1")
    accent = deployment(id="x", code="caf\u00e9")
    assert accent.labels == (b"x-llmproxy-model: caf?", b"x-llmproxy-deployment: x")
