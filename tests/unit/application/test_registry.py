"""Who may call which model, from one immutable snapshot."""

from dataclasses import replace

import pytest

from llmproxy.application.interfaces.limiter import Scope, ScopeKind
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.registry import MAX_PLANS
from llmproxy.domain.caller import ANYONE, Caller
from llmproxy.domain.errors import (
    InvalidRequest,
    OperationNotSupported,
    UnknownModel,
)
from llmproxy.domain.limit import Limits
from llmproxy.domain.operation import Operation
from tests.fakes.upstream import CALLER, deployment
from tests.unit.application.registries import (
    ALL,
    NARROW,
    OPEN,
    PICTURES,
    PRIVATE,
    TWO_A,
    TWO_B,
    registry_of,
)


def test_names() -> None:
    """A code finds all its deployments, an id its own; a code goes before an id of that name."""
    other = deployment(id="two", code="other")
    registry = registry_of(*ALL, other)

    assert registry.named("two", CALLER) == (TWO_A, TWO_B)
    assert registry.named("two-b", CALLER) == (TWO_B,)
    assert registry.named("other", CALLER) == (other,)
    assert registry.named("open-1", CALLER) == (OPEN,)


def test_hidden_and_unknown_are_told_alike() -> None:
    """Whether a model exists cannot be learned from the words of a refusal."""
    stranger = Caller("key_3", "beta", None, admin=False, expires_at=None)
    projectless = Caller("key_4", None, None, admin=False, expires_at=None)
    registry = registry_of(*ALL)

    assert registry.named("private", CALLER) == (PRIVATE,)
    words = set()
    hidden_from = (stranger, projectless, ANYONE, replace(ANYONE, tag="alpha"))
    for caller, name in (*((each, "private") for each in hidden_from), (CALLER, "nobody")):
        with pytest.raises(UnknownModel) as unknown:
            registry.named(name, caller)
        words.add(unknown.value.message.replace(name, "*"))
    assert len(words) == 1


def test_a_key_for_some_models() -> None:
    """A key that names models may use these by code or id, and sees no others."""
    registry = registry_of(*ALL)

    assert registry.named("open", NARROW) == (OPEN,)
    assert registry.named("two", NARROW) == (TWO_B,)
    assert registry.visible(NARROW) == {"open": (OPEN,), "two": (TWO_B,)}
    with pytest.raises(UnknownModel):
        registry.named("private", NARROW)


def test_visible_models() -> None:
    """All that a caller may know, by code, in the order of registration."""
    assert list(registry_of(*ALL).visible(CALLER)) == ["open", "two", "private", "pictures"]
    assert list(registry_of(*ALL).visible(ANYONE)) == ["open", "two", "pictures"]
    assert registry_of().visible(CALLER) == {}


def test_candidates_offer_the_operation() -> None:
    """Only deployments whose document allows the operation are asked."""
    drawing = deployment(id="two-c", code="two", operations=["images"])
    registry = registry_of(*ALL, drawing)

    assert registry.candidates("two", CALLER, Operation.CHAT_COMPLETION) == (TWO_A, TWO_B)
    assert registry.candidates("two", CALLER, Operation.IMAGES) == (drawing,)


def test_an_operation_that_is_not_offered() -> None:
    """The refusal names models that this caller may use for it, and no others."""
    with pytest.raises(OperationNotSupported) as refused:
        registry_of(*ALL).candidates("pictures", CALLER, Operation.CHAT_COMPLETION)
    assert refused.value.param == "model"
    assert refused.value.message.endswith("Models that do: open, two, private.")

    with pytest.raises(OperationNotSupported) as nothing:
        registry_of(PICTURES).candidates("pictures", CALLER, Operation.CHAT_COMPLETION)
    assert nothing.value.message.endswith("Models that do: none.")


def test_plans_are_remembered_within_bounds() -> None:
    """A plan is made once; however many callers there are, what is remembered stays small."""
    registry = registry_of(*ALL)
    first = registry.candidates("two", CALLER, Operation.CHAT_COMPLETION)
    assert registry.candidates("two", CALLER, Operation.CHAT_COMPLETION) is first
    for number in range(MAX_PLANS + 1):
        caller = Caller(f"key_{number}", f"p{number}", None, admin=False, expires_at=None)
        assert registry.candidates("open", caller, Operation.CHAT_COMPLETION) == (OPEN,)
    again = registry.candidates("two", CALLER, Operation.CHAT_COMPLETION)
    assert again == first
    assert again is not first


def test_keys_of_a_project_share_what_is_remembered() -> None:
    """A plan goes by what a caller may use, and limits by whose they are: not by the key."""
    registry = registry_of(*ALL)
    limits = Limits(concurrent_requests=9)
    caller = replace(CALLER, limits=None, project_limits=limits)
    other = replace(caller, key_id="key_other")
    stranger = replace(other, project="beta")
    narrow = replace(other, models=frozenset({"two-a"}))
    chat = Operation.CHAT_COMPLETION

    assert registry.candidates("two", other, chat) is registry.candidates("two", caller, chat)
    assert registry.candidates("two", narrow, chat) == (TWO_A,)
    assert registry.candidates("private", caller, chat) == (PRIVATE,)
    with pytest.raises(UnknownModel):
        registry.candidates("private", stranger, chat)
    assert registry.scopes(other, "two") is registry.scopes(caller, "two")
    assert registry.scopes(caller, "two") == (Scope(ScopeKind.PROJECT, "alpha", limits),)
    assert registry.scopes(stranger, "two") == (Scope(ScopeKind.PROJECT, "beta", limits),)
    own = replace(other, limits=limits)
    assert registry.scopes(own, "two")[0] == Scope(ScopeKind.KEY, "key_other", limits)


def test_the_only_model() -> None:
    """A request without a model is served where there is no choice, else refused with a list."""
    registry = registry_of(*ALL)
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
    registry = registry_of(*many, PICTURES)

    with pytest.raises(UnknownModel) as unknown:
        registry.named("x" * 10_000, CALLER)
    with pytest.raises(OperationNotSupported) as refused:
        registry.candidates("pictures", CALLER, Operation.CHAT_COMPLETION)
    assert len(unknown.value.message) < 300
    assert len(refused.value.message) < 400


def test_labels_are_header_values() -> None:
    """A code that no header could hold is shown by question marks."""
    odd = Deployment(OPEN.model, None, None)
    assert odd.labels == (b"x-llmproxy-model: open", b"x-llmproxy-deployment: open-1")
    accent = deployment(id="x", code="caf\u00e9")
    assert accent.labels == (b"x-llmproxy-model: caf?", b"x-llmproxy-deployment: x")
