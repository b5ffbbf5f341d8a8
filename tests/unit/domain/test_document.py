"""Reading model documents: what they must hold, and how every fault is named."""

from typing import Any

import pytest

from llmproxy.domain.document import DocumentError, parse_model
from llmproxy.domain.operation import Operation
from tests.fakes.documents import document


def problems(given: object) -> dict[str, str]:
    """Give what is wrong with a document, by field."""
    with pytest.raises(DocumentError) as caught:
        parse_model(given)
    fields = [problem.field for problem in caught.value.problems]
    assert len(fields) == len(set(fields)), "a field is complained of twice"
    assert all(problem.text in str(caught.value) for problem in caught.value.problems)
    return {problem.field: problem.message for problem in caught.value.problems}


def warnings(given: object) -> str:
    """Give the warnings of a document that is good."""
    return "\n".join(parse_model(given).warnings)


def test_a_good_document_is_read_without_a_word() -> None:
    """All fields arrive, and nothing is warned of."""
    given = document(projects=["a", "b"])
    model, found = parse_model(given)

    assert found == ()
    assert (model.id, model.code, model.name) == ("gpt-mini", "mini", "GPT mini")
    assert (model.provider, model.model_type) == ("OpenAI", "OpenAI")
    assert model.projects == {"a", "b"}
    assert not model.private
    assert model.operations == {Operation.CHAT_COMPLETION}
    assert model.price is not None
    assert model.price.input_nano_per_mtok == 10**9
    assert model.document is given


def test_the_code_defaults_to_the_id() -> None:
    """A document without a code is asked for by its id."""
    assert parse_model(document(code=None)).model.code == "gpt-mini"


def test_unknown_fields_are_kept() -> None:
    """Cosmos DB's own fields and those of the user stay in the document."""
    given = document(_etag='"0"', _ts=1, _rid="r", _self="s", _attachments="a/", team={"x": [1]})

    model, found = parse_model(given)

    assert found == ()
    assert model.document["_ts"] == 1
    assert model.document["team"] == {"x": [1]}


@pytest.mark.parametrize("given", [None, [], "text", 1, True])
def test_a_document_is_an_object(given: object) -> None:
    """Anything else is one problem of the whole."""
    assert "is an object" in problems(given)[""]


def test_all_problems_are_named_at_once() -> None:
    """A document is mended in one go, not in ten."""
    found = problems(
        {
            "id": "a/b",
            "provider": "Azur",
            "model_type": 7,
            "projects": "x",
            "private": "no",
            "parameters": {"timeout": "soon", "endpoint": "ftp://x"},
            "costs": {"input": -1},
            "operations": ["chat", 3],
            "free": "yes",
        }
    )

    assert set(found) == {
        "id",
        "name",
        "provider",
        "model_type",
        "projects",
        "private",
        "parameters.timeout",
        "parameters.endpoint",
        "costs.input",
        "operations[0]",
        "operations[1]",
        "free",
    }


@pytest.mark.parametrize("field", ["id", "name", "provider", "model_type", "parameters"])
def test_required_fields(field: str) -> None:
    """Absent and null are the same: required."""
    assert problems(document(**{field: None})) == {field: "is required"}
    assert problems({**document(), field: None}) == {field: "is required"}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("id", "a/b", "must not hold"),
        ("id", "a\\b", "must not hold"),
        ("id", "a#b", "must not hold"),
        ("id", "a?b", "must not hold"),
        ("id", "x" * 256, "at most 255"),
        ("id", " a", "blank"),
        ("id", "", "empty"),
        ("id", "a\nb", "control"),
        ("id", "a\ud800", "control"),
        ("id", 5, "a string, not a number"),
        ("code", "x" * 256, "at most 255"),
        ("code", [], "a string, not an array"),
        ("name", {}, "a string, not an object"),
        ("name", "x" * 3000, "at most 2,048"),
        ("provider", "AWS", "not known"),
        ("model_type", "Gemini", "not known"),
        ("model_type", "AzureOpenAI", "does not belong to OpenAI"),
        ("projects", {"a": 1}, "an array of strings, not an object"),
        ("private", 0, "true or false, not a number"),
        ("parameters", [], "an object, not an array"),
        ("costs", 3, "an object, not a number"),
        ("operations", "ChatCompletion", "an array of strings, not a string"),
        ("free", "true", "true or false, not a string"),
    ],
)
def test_a_wrong_field_is_named(field: str, value: object, message: str) -> None:
    """One wrong field is one problem."""
    found = problems({**document(), field: value})

    assert list(found) == [field]
    assert message in found[field]


def test_a_wrong_entry_is_named_by_its_place() -> None:
    """The second of three projects is `projects[1]`."""
    assert problems(document(projects=["a", None, "c"])) == {"projects[1]": "is required"}


@pytest.mark.parametrize(
    ("provider", "model_type"),
    [
        ("Azure", "AzureOpenAI"),
        ("Azure", "AzureFoundry"),
        ("Google", "GoogleVertex"),
        ("Google", "GoogleVertexClaude"),
        ("Google", "GoogleVertexDeepSeek"),
        ("Google", "GoogleVertexMeta"),
        ("Google", "GoogleVertexMistral"),
        ("Google", "GoogleVertexJamba"),
        ("Google", "GoogleVertexQwen"),
        ("Google", "GoogleVertexOpenAI"),
        ("OpenAI", "OpenAI"),
        ("Anthropic", "Anthropic"),
        ("LiteLLM", "LiteLLM"),
        ("Local", "Echo"),
    ],
)
def test_every_model_type_belongs_to_its_provider(provider: str, model_type: str) -> None:
    """The ten types of the original description and the four of the other vendors."""
    parameters = {"endpoint": "https://a.azure.com", "gcp_project": "p", "location": "global"}
    given = document(provider=provider, model_type=model_type, parameters=parameters)

    assert parse_model(given).model.model_type == model_type


def test_capitals_are_mended_with_a_warning() -> None:
    """The original's tables spell providers in lower case; the canonical spelling is stored."""
    given = document(
        provider="openai", model_type="OPENAI", operations=["chatcompletion", "Responses"]
    )
    model = parse_model(given).model

    assert (model.provider, model.model_type) == ("OpenAI", "OpenAI")
    assert model.operations == {Operation.CHAT_COMPLETION, Operation.RESPONSES}
    assert "provider: openai is taken as OpenAI" in warnings(given)
    assert "operations[0]: chatcompletion is taken as ChatCompletion" in warnings(given)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"private": None}, "private: is missing"),
        ({"private": True}, "projects: is empty"),
        ({"operations": []}, "operations: is empty"),
        ({"operations": None}, "operations: is empty"),
        ({"costs": None}, "costs: no price"),
        ({"costs": {}}, "costs: no price"),
        ({"costs": {"input": 0, "output": 0}}, "costs: all prices are zero"),
        (
            {"provider": "Local", "model_type": "Echo", "operations": ["images", "ChatCompletion"]},
            "operations: Echo makes no images",
        ),
    ],
)
def test_what_is_probably_not_meant_is_warned_of(changes: dict[str, Any], message: str) -> None:
    """Accepted, but not in silence."""
    assert message in warnings({**document(), **changes})


def test_a_model_without_a_price_has_none() -> None:
    """It is refused at request time; free is something else."""
    assert parse_model(document(costs=None)).model.price is None
    free = parse_model(document(costs=None, free=True))
    assert free.model.price is not None
    assert free.model.price.free
    assert free.warnings == ()
