"""docs/settings.md is made of `.env.example` and of the code, and every setting has words."""

from pathlib import Path

from scripts import settings_page
from tests.architecture.tree import read

TEXT = read(Path(".env.example"))
SETTINGS = [each for found in settings_page.sections(TEXT).values() for each in found]


def test_the_page_is_up_to_date() -> None:
    """Whoever adds a setting runs `scripts/docs`."""
    assert settings_page.page(TEXT) == read(Path("docs/settings.md"))


def test_every_setting_has_words() -> None:
    """A variable stands below a comment that says what it is for."""
    assert settings_page.read_names() <= {each.name for each in SETTINGS}
    assert [each.name for each in SETTINGS if len(each.words.split()) < 3] == []


def test_the_reader_itself() -> None:
    """Variables after one another share the words above them; a blank line or words end that."""
    text = "# === A ===\n\n# One\n# two.\n#X=1\n#Y=\n# Three.\n#Z=z\n\n#LONE=\n# === B ===\n#W=\n"
    assert settings_page.sections(text) == {
        "A": [
            ("X", "1", "One two."),
            ("Y", "", "One two."),
            ("Z", "z", "Three."),
            ("LONE", "", ""),
        ],
        "B": [("W", "", "")],
    }


def test_what_a_value_may_be_is_asked_of_the_code() -> None:
    """A number, a choice, an address, a folder, a secret."""
    kind = settings_page.kind
    assert kind("PORT") == "a whole number of at least 0 and at most 65535"
    assert kind("LOG_LEVEL") == "one of debug, info, warning, error"
    assert kind("COSMOS_URL") == "an address that begins with https://"
    assert kind("SECRETS_DIR") == "a folder or file"
    assert kind("COSMOS_KEY") == "text, a secret"
    assert kind("ENVIRONMENT") == "text"
