"""Models of every type are listed and found, whoever provides them."""

import openai
import pytest

from tests.api.model_types.places import able

pytestmark = pytest.mark.conformance(operation="models")


@pytest.mark.conformance(aspect="plain")
@able("models")
def test_a_model_is_listed(client: openai.OpenAI, model: str) -> None:
    """By the code of its document."""
    assert model in {each.id for each in client.models.list()}
    assert client.models.retrieve(model).id == model


@pytest.mark.conformance(aspect="errors")
@able("models")
def test_a_model_is_not_there(client: openai.OpenAI, model: str) -> None:
    """A name that only begins like a registered one's is not found, and cannot be asked."""
    with pytest.raises(openai.NotFoundError) as missed:
        client.models.retrieve(model[:-1])
    with pytest.raises(openai.NotFoundError) as asked:
        client.chat.completions.create(
            model=model[:-1], messages=[{"role": "user", "content": "hi"}]
        )

    assert missed.value.code == asked.value.code == "model_not_found"
