"""Settings of the log: what they are by default, and what is refused."""

from pathlib import Path

import pytest

from llmproxy.config import SettingError, settings_from, wants_json
from llmproxy.config.logs import PATTERNS


@pytest.mark.parametrize(
    ("environment", "as_json"),
    [
        ({}, False),
        ({"ENVIRONMENT": "Development"}, False),
        ({"ENVIRONMENT": "production"}, True),
        ({"LOG_FORMAT": "json"}, True),
        ({"LOG_FORMAT": "text", "ENVIRONMENT": "production"}, False),
    ],
)
def test_people_read_the_log_of_a_gateway_in_development(
    environment: dict[str, str], *, as_json: bool
) -> None:
    """Machines read any other; LOG_FORMAT decides otherwise."""
    assert settings_from(environment).logs.as_json is as_json
    assert wants_json(environment) is as_json


def test_words_about_bad_settings_have_a_form() -> None:
    """It is asked for before the settings are read, and refuses nothing."""
    assert wants_json({"LOG_FORMAT": "JSON", "PORT": "none"})
    assert not wants_json({"LOG_FORMAT": "xml"})


def test_contents_are_not_logged_unless_somebody_says_so() -> None:
    """Nor are addresses."""
    logs = settings_from({}).logs
    assert (logs.content, logs.client_ip) == (None, False)


def test_contents() -> None:
    """Where, of whom, how much, for how long, and what is taken out."""
    found = settings_from({"CONTENT_LOG": "on", "LLMPROXY_DATA_DIR": "/d"}).logs.content
    assert found is not None
    assert (found.folder, found.rules.projects, found.rules.redact) == (
        Path("/d/content"),
        frozenset(),
        PATTERNS,
    )

    environment = {
        "CONTENT_LOG": "on",
        "CONTENT_LOG_PROJECTS": "alpha, beta,",
        "CONTENT_LOG_REDACT": "cpf, email",
    }
    found = settings_from(environment).logs.content
    assert found is not None
    assert (found.rules.projects, found.rules.redact) == (
        frozenset({"alpha", "beta"}),
        ("cpf", "email"),
    )
    found = settings_from({"CONTENT_LOG": "on", "CONTENT_LOG_REDACT": "none"}).logs.content
    assert found is not None
    assert found.rules.redact == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOG_FORMAT", "xml"),
        ("CONTENT_LOG", "yes"),
        ("CONTENT_LOG_REDACT", "email,passport"),
        ("CONTENT_LOG_MAX_BYTES", "10"),
        ("CONTENT_LOG_KEEP_DAYS", "-1"),
        ("CONTENT_LOG_MAX_TOTAL_BYTES", "1"),
    ],
)
def test_what_makes_no_sense(name: str, value: str) -> None:
    """It is refused by name, also while contents are not logged."""
    with pytest.raises(SettingError, match=name):
        settings_from({name: value})
