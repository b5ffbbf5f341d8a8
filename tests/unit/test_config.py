"""Settings: what a variable may hold, and what is said when it holds something else."""

from pathlib import Path

import pytest

from llmproxy.config import SettingError, Settings, process_environment, settings_from
from llmproxy.config.settings import LedgerSettings
from llmproxy.domain.limit import WhenAway

SECONDS = [
    "BODY_TIMEOUT_S",
    "CONNECT_TIMEOUT_S",
    "FIRST_BYTE_TIMEOUT_S",
    "IDLE_TIMEOUT_S",
    "TOTAL_TIMEOUT_S",
    "HOLD_STATUS_S",
    "KEEP_ALIVE_S",
]
COUNTS = {
    "MAX_BODY_BYTES": 1024,
    "MAX_CONCURRENT_REQUESTS": 1,
    "MAX_UPSTREAM_CONNECTIONS": 1,
}


def test_defaults() -> None:
    """Without any variable everything has its stated value, and only this machine is served."""
    settings = settings_from({"HOME": "/users/somebody"})

    assert (settings.host, settings.port, settings.on_loopback) == ("127.0.0.1", 8000, True)
    assert settings.data_dir == Path("/users/somebody/.local/state/llmproxy")
    assert settings.first_byte_timeout_s == Settings.first_byte_timeout_s
    assert settings.access_log
    assert settings.proxies == {}


@pytest.mark.parametrize("name", SECONDS)
def test_seconds(name: str) -> None:
    """A number above 0; anything else is refused by the variable's name and value."""
    assert getattr(settings_from({name: " 0.25 "}), name.lower()) == 0.25
    for wrong in ("0", "-1", "nan", "inf", "soon", "1s", "1,5"):
        with pytest.raises(SettingError) as refused:
            settings_from({name: wrong})
        assert str(refused.value) == f"{name}={wrong!r}: give seconds, a number above 0"


@pytest.mark.parametrize(("name", "least"), COUNTS.items())
def test_counts(name: str, least: int) -> None:
    """A whole number of at least so much."""
    assert getattr(settings_from({name: str(least)}), name.lower()) == least
    for wrong in (str(least - 1), "-1", "1e9", "1_000", "\u0661\u0662", "0x10", "many"):
        with pytest.raises(SettingError, match=name) as refused:
            settings_from({name: wrong})
        assert f"at least {least}" in str(refused.value)


def test_port() -> None:
    """A port is 0 for any free one, or at most 65535."""
    assert settings_from({"PORT": "0"}).port == 0
    with pytest.raises(SettingError, match="at most 65535"):
        settings_from({"PORT": "65536"})


def test_empty_is_absent() -> None:
    """A variable that is empty or blank counts as not set."""
    settings = settings_from({"PORT": "", "HOST": "  ", "MAX_BODY_BYTES": " "})

    assert (settings.host, settings.port) == (Settings.host, Settings.port)
    assert settings.max_body_bytes == Settings.max_body_bytes


@pytest.mark.parametrize(("name", "wrong"), [("LOG_LEVEL", "loud"), ("ACCESS_LOG", "yes")])
def test_choices(name: str, wrong: str) -> None:
    """A word that is none of the choices is refused with the choices."""
    with pytest.raises(SettingError, match=f"{name}='{wrong}': give one of "):
        settings_from({name: wrong})


def test_choices_in_capitals() -> None:
    """Capitals do not matter."""
    settings = settings_from({"LOG_LEVEL": "WARNING", "ACCESS_LOG": "Off"})

    assert (settings.log_level, settings.access_log) == ("warning", False)


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("127.3.2.1", True),
        ("::1", True),
        ("0.0.0.0", False),  # noqa: S104 - the address that serves everybody is what is tested
        ("::", False),
        ("10.0.0.1", False),
        ("gateway.example.com", False),
    ],
)
def test_loopback(host: str, *, local: bool) -> None:
    """Only this machine's own addresses are loopback."""
    assert settings_from({"HOST": host}).on_loopback is local


def test_folders() -> None:
    """The data folder is the one that is named, else one of the user's state."""
    assert settings_from({"LLMPROXY_DATA_DIR": "/srv/x"}).data_dir == Path("/srv/x")
    assert settings_from({"XDG_STATE_HOME": "/state"}).data_dir == Path("/state/llmproxy")
    assert settings_from({"LLMPROXY_DATA_DIR": "~/x"}).data_dir == Path("~/x").expanduser()


def test_proxies() -> None:
    """The proxy variables are handed on in both spellings, and nothing else is."""
    environment = {
        "HTTP_PROXY": "http://a:1",
        "https_proxy": "b.example:2",
        "NO_PROXY": "c",
        "OPENAI_API_KEY": "sk-1",
    }

    assert set(settings_from(environment).proxies) == {"HTTP_PROXY", "https_proxy", "NO_PROXY"}


@pytest.mark.parametrize("name", ["HTTP_PROXY", "https_proxy", "ALL_PROXY"])
@pytest.mark.parametrize(
    "value",
    ["socks5://u:secret@x:1", "https://u:secret@x:1", "http://u:secret@", "http://x:secret"],
)
def test_proxies_that_cannot_be_used(name: str, value: str) -> None:
    """They are refused before anything starts, without their password."""
    with pytest.raises(SettingError, match=name) as refused:
        settings_from({name: value})
    assert "secret" not in str(refused.value)


def test_the_environment_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is copied: what changes later changes nothing here."""
    monkeypatch.setenv("LLMPROXY_TEST", "1")
    environment = process_environment()
    monkeypatch.setenv("LLMPROXY_TEST", "2")

    assert environment["LLMPROXY_TEST"] == "1"


def test_the_ledger_and_the_cache() -> None:
    """Their bounds and what happens beyond them."""
    given = {"JOURNAL_MAX_BYTES": "1048576", "LEDGER_FAILURE": "serve", "USAGE_ROWS_DAYS": "0"}
    ledger = settings_from(given).ledger
    assert ledger == LedgerSettings(1048576, refuse_when_full=False, keep_rows_days=0)
    with pytest.raises(SettingError, match="JOURNAL_MAX_BYTES"):
        settings_from({"JOURNAL_MAX_BYTES": "1048575"})
    assert settings_from({"CACHE_MAX_BYTES": "0"}).cache.max_bytes == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "redis://"),
        ("REDIS_URL", "http://user:hunter2@localhost"),
        ("ALERT_WEBHOOK_URL", "hooks.example/hunter2"),
        ("ALERT_WEBHOOK_URL", "https://hooks.example:x/hunter2"),
        ("LIMITS_WITHOUT_REDIS", "perhaps"),
        ("REPLICAS", "3"),
    ],
)
def test_addresses_that_do_not_fit(name: str, value: str) -> None:
    """They are refused by name, and never repeated: they may hold a password."""
    with pytest.raises(SettingError, match=name) as refused:
        settings_from({name: value})
    assert "hunter2" not in str(refused.value)


def test_redis() -> None:
    """Its address may hold a password and does not print."""
    assert settings_from({"LIMITS_WITHOUT_REDIS": "open"}).redis is None
    url = "rediss://user:hunter2@redis.example:6380/1"
    redis = settings_from({"REDIS_URL": url, "LIMITS_WITHOUT_REDIS": "share"}).redis
    assert redis is not None
    assert (redis.url.expose(), redis.when_away) == (url, WhenAway.SHARE)
    assert "hunter2" not in repr(redis)
    assert settings_from({"REDIS_URL": "unix:///run/redis.sock"}).redis is not None
