"""Who may see a model, what it offers, and what a key's digest is."""

import hashlib

import pytest

from llmproxy.domain.caller import key_digest
from llmproxy.domain.document import parse_model
from llmproxy.domain.operation import GRANTED_BY, Operation
from tests.fakes.documents import document


@pytest.mark.parametrize(
    ("private", "project", "visible"),
    [
        (False, None, True),
        (False, "other", True),
        (True, "mine", True),
        (True, "other", False),
        (True, None, False),
    ],
)
def test_a_private_model_is_seen_by_its_projects_only(
    *, private: bool, project: str | None, visible: bool
) -> None:
    """The projects of a public model say nothing, as in the original description."""
    model = parse_model(document(private=private, projects=["mine"])).model

    assert model.visible_to(project) is visible


@pytest.mark.parametrize("operation", list(Operation))
def test_a_model_offers_what_its_document_says(operation: Operation) -> None:
    """Each operation grants itself, and none but Responses grants another."""
    model = parse_model(document(operations=[operation.value], free=True, costs=None)).model
    granted = {each for each in Operation if model.offers(each)}

    expected = {operation}
    if operation is Operation.RESPONSES:
        expected.add(Operation.CHAT_COMPLETION)
    assert granted == expected


def test_every_operation_is_granted_by_something() -> None:
    """No operation is unreachable."""
    assert set(GRANTED_BY) == set(Operation)
    assert all(operation in words for operation, words in GRANTED_BY.items())


def test_a_key_is_known_by_its_sha256() -> None:
    """The digest is the plain SHA-256, so that other programs can make it too."""
    assert key_digest(b"sk-x") == hashlib.sha256(b"sk-x").digest()
    assert len(key_digest(b"")) == 32
