"""Settings of the log, and of the log of contents."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

PATTERNS: Final = (
    "email",
    "phone",
    "cpf",
    "cnpj",
    "credit_card",
    "iban",
    "ip",
)
"""What can be taken out of contents by name; `infra/telemetry/content/patterns.py` says how."""


@dataclass(frozen=True)
class ContentRules:
    """What holds for contents wherever they are told. No `projects` are all."""

    projects: frozenset[str] = frozenset()
    max_bytes: int = 64 * 1024
    redact: tuple[str, ...] = PATTERNS
    patterns_file: Path | None = None


@dataclass(frozen=True)
class ContentSettings:
    """The log of contents, where it is on. 0 days keep for ever."""

    folder: Path
    rules: ContentRules = ContentRules()
    keep_days: int = 7
    max_total_bytes: int = 1024 * 1024 * 1024


@dataclass(frozen=True)
class LogSettings:
    """In which form lines are written, and what is said of clients in them."""

    as_json: bool = False
    client_ip: bool = False
    colour: bool = True
    content: ContentSettings | None = None
