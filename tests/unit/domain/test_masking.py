"""What could be a secret is hidden; what names one is not."""

import pytest

from llmproxy.domain.masking import MASK, mask_places, masked

LITERAL = "sk-proj-0123456789abcdefABCDEF"


@pytest.mark.parametrize(
    "name",
    [
        *("api_key", "apiKey", "x-api-key", "API_KEY", "aws_secret_access_key", "token"),
        *("authTokens", "password", "Authorization", "client_secret", "credentials", "secretKey"),
    ],
)
def test_a_literal_under_a_telling_name_is_masked(name: str) -> None:
    """However the name is spelled."""
    assert masked({"parameters": {name: LITERAL}}) == {"parameters": {name: MASK}}


@pytest.mark.parametrize("value", ["AZURE_OPENAI_API_KEY", "SP-BRIDGE-4852-DEV", "my-secret"])
def test_the_name_of_a_secret_stays(value: str) -> None:
    """Whoever reads of a change must see which secret is meant."""
    assert masked({"secret_name": value}) == {"secret_name": value}


@pytest.mark.parametrize("name", ["name", "endpoint", "keyboard layout", "tokenizer", "secretary"])
def test_other_fields_stay(name: str) -> None:
    """A name that only begins like a telling one tells nothing."""
    assert masked({name: "some text of a person"}) == {name: "some text of a person"}


def test_what_is_inside_of_a_telling_name_is_masked() -> None:
    """Objects and arrays too; numbers and flags stay, because prices are named after tokens."""
    written = {
        "credentials": {"type": "file", "blob": "-----BEGIN PRIVATE KEY-----"},
        "keys": [LITERAL, "A_NAME"],
        "costs": {"cost_input_1Mtokens": 0.5, "has_tokens": True},
    }
    assert masked(written) == {
        "credentials": {"type": "file", "blob": MASK},
        "keys": [MASK, "A_NAME"],
        "costs": {"cost_input_1Mtokens": 0.5, "has_tokens": True},
    }


def test_masks_are_found_where_they_stand() -> None:
    """The paths are those that problems are named by."""
    written = {"a": MASK, "b": [{"c": MASK}, "x"], "d": {"e": 1}}
    assert list(mask_places(written)) == ["a", "b[0].c"]
