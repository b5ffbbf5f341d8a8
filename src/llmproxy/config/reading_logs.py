"""From the environment to the settings of the log."""

from collections.abc import Mapping
from pathlib import Path

from llmproxy.config.logs import PATTERNS, ContentRules, ContentSettings, LogSettings
from llmproxy.config.reader import Reader
from llmproxy.config.settings import SettingError, Settings

NOTHING = "none"


def logs_from(read: Reader, data_dir: Path) -> LogSettings:
    """Read them. Without LOG_FORMAT people read the log while the gateway is developed with."""
    return LogSettings(
        read.choice("LOG_FORMAT", _usual(read), ("json", "text")) == "json",
        read.switch("ACCESS_LOG_CLIENT_IP"),
        not read.text("NO_COLOR", ""),
        _content(read, data_dir),
    )


def wants_json(environment: Mapping[str, str]) -> bool:
    """Whether words about settings that make no sense are to be JSON; refuses nothing."""
    read = Reader(environment)
    return read.text("LOG_FORMAT", _usual(read)).lower() == "json"


def _usual(read: Reader) -> str:
    developing = read.text("ENVIRONMENT", Settings.stage).lower() == "development"
    return "text" if developing else "json"


def _content(read: Reader, data_dir: Path) -> ContentSettings | None:
    on = read.switch("CONTENT_LOG")
    settings = ContentSettings(
        read.folder("CONTENT_LOG_DIR") or data_dir / "content",
        content_rules_from(read),
        read.whole("CONTENT_LOG_KEEP_DAYS", ContentSettings.keep_days, 0, 36_500),
        read.whole(
            "CONTENT_LOG_MAX_TOTAL_BYTES", ContentSettings.max_total_bytes, 64 * 1024 * 1024
        ),
    )
    return settings if on else None


def content_rules_from(read: Reader) -> ContentRules:
    """Read what holds for contents in their log and on spans. Raises SettingError."""
    return ContentRules(
        frozenset(read.listed("CONTENT_LOG_PROJECTS")),
        read.whole("CONTENT_LOG_MAX_BYTES", ContentRules.max_bytes, 1024, 16 * 1024 * 1024),
        _redact(read),
        read.folder("CONTENT_LOG_PATTERNS_FILE"),
    )


def _redact(read: Reader) -> tuple[str, ...]:
    names = read.listed("CONTENT_LOG_REDACT", ",".join(PATTERNS))
    if names == (NOTHING,):
        return ()
    for name in names:
        if name not in PATTERNS:
            raise SettingError(
                f"CONTENT_LOG_REDACT: {name!r} is not known; give {NOTHING}, or some of "
                f"{', '.join(PATTERNS)}"
            )
    return names
