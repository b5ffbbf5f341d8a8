"""Files of variables."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.domain.dotenv import DotenvError, parse_dotenv

FILE = r"""
# The key of the bridge.
AZURE_OPENAI_API_KEY=abc#def  # a comment
  export SP-BRIDGE-4852-DEV = "line one
line \"two\"\n\$three \d"   # done
GOOGLE='{"type": "service_account", "private_key": "-----BEGIN\nX\n"}'
EMPTY=
COMMENTED= # nothing
HASH=#sign
BLANKS = 	 a b
QUOTED_EMPTY=""
EQUALS=a=b==
NOT_PUT_IN=$HOME ${HOME}
"""


def test_what_a_file_may_hold() -> None:
    assert parse_dotenv(FILE) == {
        "AZURE_OPENAI_API_KEY": "abc#def",
        "SP-BRIDGE-4852-DEV": 'line one\nline "two"\n$three \\d',
        "GOOGLE": '{"type": "service_account", "private_key": "-----BEGIN\\nX\\n"}',
        "EMPTY": "",
        "COMMENTED": "",
        "HASH": "#sign",
        "BLANKS": "a b",
        "QUOTED_EMPTY": "",
        "EQUALS": "a=b==",
        "NOT_PUT_IN": "$HOME ${HOME}",
    }


def test_the_example_of_the_docs() -> None:
    page = (Path(__file__).parents[3] / "docs/secrets.md").read_text("utf-8")
    example = page.split("## .env", 1)[1].split("```sh\n", 1)[1].split("```", 1)[0]

    found = parse_dotenv(example)

    assert list(found) == ["OPENAI_API_KEY", "SP-BRIDGE-4852-DEV", "LINES"]
    assert found["OPENAI_API_KEY"] == "sk-..."
    assert json.loads(found["SP-BRIDGE-4852-DEV"])["type"] == "service_account"
    assert found["LINES"] == "one\ntwo\nthree"


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment", "   \n\t\n#"])
def test_nothing(text: str) -> None:
    assert parse_dotenv(text) == {}


def test_files_of_windows() -> None:
    """A mark of UTF-8 at the beginning and both signs at each line's end."""
    assert parse_dotenv("\ufeffA=1\r\nB='2'\r\n") == {"A": "1", "B": "2"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("A=1\nhunter2\n", "line 2 is not NAME=value"),
        ("\n=hunter2", "line 2 is not NAME=value"),
        ("1A=hunter2", "line 1 is not NAME=value"),
        ("A B=hunter2", "line 1 is not NAME=value"),
        ("export A", "line 1 is not NAME=value"),
        ('A=1\nB="hunter2\nC=3', "line 2 opens a quote that is never closed"),
        ("A='hunter2", "line 1 opens a quote that is never closed"),
        ("A='hunter2' hunter3", "line 1 goes on after the closing quote"),
        ("A='hunter2'#hunter3\nB", "line 2 is not NAME=value"),
        ("A=1\nA=hunter2", "line 2 sets A a second time"),
        ("A=hunter2\0", "line 1 holds a NUL, which no variable can"),
    ],
)
def test_faults_name_the_line_and_no_value(text: str, fault: str) -> None:
    with pytest.raises(DotenvError) as raised:
        parse_dotenv(text)

    assert str(raised.value) == fault
    assert "hunter" not in repr(raised.value)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse_dotenv(text)
    except DotenvError as error:
        assert str(error).startswith("line ")  # noqa: PT017 - one of two good outcomes
    else:
        assert all("\0" not in value for value in found.values())


@given(st.text(st.characters(exclude_characters="'\0\r", exclude_categories=["Cs"])))
def test_single_quotes_keep_everything(value: str) -> None:
    assert parse_dotenv(f"A='{value}'\nB=1") == {"A": value, "B": "1"}
