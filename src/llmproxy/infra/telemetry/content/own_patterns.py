"""The operator's own expressions: read at the start, and refused when they may never end.

Python's `re` tries every way to match, and nothing else of this process runs meanwhile: an
expression such as `(a+)+$` stops the gateway at thirty characters. So each is tried on texts that
are known to be hard, in a process of its own and for two seconds at most.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from llmproxy.infra.telemetry.content.patterns import Pattern

NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
MAX_PATTERNS: Final = 100
MAX_CHARS: Final = 1000
TRIED_S: Final = 2.0
TRIAL: Final = """
import re, sys
expression = re.compile(sys.stdin.read())
for piece in "a|A|1| |-|.|@|_|/|a1|a |1-|a.|1.|a-|aA1".split("|"):
    expression.sub("", piece * (2000 // len(piece)) + "\\x00")
    expression.sub("", "x" + piece * 40 + "!")
"""


class BadPatternError(ValueError):
    """A line makes no usable expression; the message names the file and the line."""


def read_patterns(path: Path) -> list[Pattern]:
    """Read lines `NAME=EXPRESSION`; empty ones and those that begin with # are passed over.

    Blocks for up to two seconds per expression. Raises BadPatternError.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise BadPatternError(f"{path} cannot be read: {reason}") from None
    found = []
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            try:
                found.append(_pattern(line))
            except BadPatternError as error:
                raise BadPatternError(f"{path}, line {number}: {error}") from None
    if len(found) > MAX_PATTERNS:
        raise BadPatternError(f"{path} holds {len(found)} expressions; {MAX_PATTERNS} are the most")
    return found


def _pattern(line: str) -> Pattern:
    name, equals, written = line.partition("=")
    name = name.strip()
    if not equals or NAME.fullmatch(name) is None:
        raise BadPatternError("give NAME=EXPRESSION, the name in small letters, digits and _")
    if not 0 < len(written) <= MAX_CHARS:
        raise BadPatternError(f"{name}: give an expression of at most {MAX_CHARS} characters")
    try:
        expression = re.compile(written)
    except (re.error, RecursionError, OverflowError) as error:
        raise BadPatternError(f"{name} does not compile: {error}") from None
    if expression.search("") is not None:
        raise BadPatternError(f"{name} matches an empty text")
    _try(name, written)
    return Pattern(name, expression)


def _try(name: str, written: str) -> None:
    try:
        subprocess.run(  # noqa: S603 - our own program, the expression is its input
            [sys.executable, "-I", "-S", "-c", TRIAL],
            input=written.encode(),
            capture_output=True,
            timeout=TRIED_S,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise BadPatternError(
            f"{name} takes too long on texts that nearly match; "
            "do without repetitions in repetitions"
        ) from None
    except (OSError, subprocess.CalledProcessError) as error:
        raise BadPatternError(f"{name} could not be tried: {error}") from None
