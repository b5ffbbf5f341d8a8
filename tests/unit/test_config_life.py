"""Settings of the beginning and the end."""

import pytest

from llmproxy.config import SettingError, settings_from
from llmproxy.config.settings import LifeSettings


def test_defaults() -> None:
    """It serves on for some seconds, and waits for minutes."""
    assert settings_from({}).life == LifeSettings(5.0, 600.0, reuse_port=False)


def test_without_a_delay() -> None:
    """0 is no delay; a timeout of 0 would break off everything, and is refused."""
    assert settings_from({"DRAIN_DELAY_S": "0"}).life.drain_delay_s == 0.0
    with pytest.raises(SettingError, match="SHUTDOWN_TIMEOUT_S='0'"):
        settings_from({"SHUTDOWN_TIMEOUT_S": "0"})


@pytest.mark.parametrize("wrong", ["-1", "soon", "inf", "nan"])
def test_what_is_no_delay(wrong: str) -> None:
    """The variable is named."""
    with pytest.raises(SettingError, match=f"DRAIN_DELAY_S='{wrong}': give seconds"):
        settings_from({"DRAIN_DELAY_S": wrong})
