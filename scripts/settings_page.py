"""Make docs/settings.md of `.env.example` and of what llmproxy.config reads; `--check` compares.

The words and the defaults are those of `.env.example`, which a test compares with the code. What a
value may be is asked of the code itself: what it says when it refuses one.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import NamedTuple

from typing_extensions import override

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from llmproxy.config import SettingError, settings_from  # noqa: E402
from llmproxy.domain.secret import Secret  # noqa: E402
from scripts.page import keep  # noqa: E402

EXAMPLE = ROOT / ".env.example"
PAGE = ROOT / "docs/settings.md"
SECTION = re.compile(r"^# === (.+?) =+$")
VARIABLE = re.compile(r"^#([A-Z][A-Z0-9_]*)=(.*)$")
UNSET = re.compile(r"\s*Not set by( |\n)default\.")
PROXIES = frozenset(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"))
OF_THE_PROCESS = frozenset(("HOME", "XDG_STATE_HOME"))
NONSENSE = "?"
BESIDE = {
    "COSMOS_URL": "https://one.example",
    "REDIS_URL": "redis://one.example",
    "TLS_CERT_FILE": "one.pem",
}
"""What makes the settings matter that belong to a store, to Redis or to TLS."""
HEAD = """\
# Settings

Every setting is an environment variable, or a line of a file `.env` in the folder where the
gateway is started (`LLMPROXY_ENV_FILE` names another file). The environment wins over the file.
Both are read once, at the start; a value that makes no sense ends the start with a message that
names the variable. [.env.example](../.env.example) is this page as a file to copy from.

Times are seconds, sizes are bytes; both are in the names. `scripts/docs` writes this page from
`.env.example` and from the code that reads the variables; a test fails when they differ.

What belongs to one model (its place, its prices, its limits of time) is no setting: it stands in
the model's [document](model-documents.md), and counts before what is here.
"""
EXAMPLES = """\
These variables are named by model documents, or read by the vendors' libraries. The values are
examples, not defaults.
"""
TAIL = """\
## The command line

| variable | what |
|---|---|
| `LLMPROXY_ENV_FILE` | The file that is read in place of `.env`. |
| `LLMPROXY_URL` | The running gateway that the [command line](command-line.md#where-it-works) \
administers, as `--url` does. |
"""


class Setting(NamedTuple):
    """A variable with what the file says of it."""

    name: str
    default: str
    words: str


class Watched(Mapping[str, str]):
    """An environment of one variable at most, which notes what is asked for."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self.asked: set[str] = set()
        self._given = given

    @override
    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return self._given[name]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    @override
    def __len__(self) -> int:
        return len(self._given)


def read_names() -> frozenset[str]:
    """Return the variables that the code reads."""
    environment = Watched({})
    settings_from(environment)
    return frozenset(environment.asked - OF_THE_PROCESS)


def sections(text: str) -> dict[str, list[Setting]]:
    """Return the settings of `.env.example` by section; those that follow each other share words.

    Lines of words begin with `# `, those of a variable with `#NAME=`.
    """
    found: dict[str, list[Setting]] = {}
    title, words, open_words = "", [""], True
    for line in text.splitlines():
        if head := SECTION.match(line):
            title = head[1]
            words, open_words = [], True
        elif variable := VARIABLE.match(line):
            found.setdefault(title, []).append(Setting(variable[1], variable[2], " ".join(words)))
            open_words = False
        elif line.startswith("# "):
            if not open_words:
                words, open_words = [], True
            words.append(line[2:])
        elif not line:
            words, open_words = [], True
    return found


def kind(name: str) -> str:
    """Return in words what a value of this variable may be."""
    try:
        settings = settings_from({**BESIDE, name: NONSENSE})
    except SettingError as error:
        before, _, fits = str(error).partition("give ")
        return fits or f"text; {before.rpartition('; ')[2]}"
    plain = dict(_leaves(settings_from(BESIDE)))
    told = [
        value for place, value in _leaves(settings) if _shown(value) != _shown(plain.get(place))
    ]
    if any(isinstance(each, Secret) for each in told):
        return "text, a secret"
    return "a folder or file" if any(isinstance(each, Path) for each in told) else "text"


def _shown(value: object) -> object:
    """Return what can be compared: two secrets are never equal."""
    return value.expose() if isinstance(value, Secret) else value


def _leaves(value: object, place: str = "") -> Iterator[tuple[str, object]]:
    """Yield the single values of the settings, but for the environment itself."""
    if not is_dataclass(value):
        yield place, value
        return
    for each in fields(value):
        if each.name != "environment":
            yield from _leaves(getattr(value, each.name), f"{place}.{each.name}")


def page(text: str) -> str:
    """Return the page of the text of `.env.example`."""
    names = read_names() | PROXIES
    parts = [HEAD]
    for title, settings in sections(text).items():
        ours = any(setting.name in names for setting in settings)
        parts += [f"## {title}\n", *(() if ours else (EXAMPLES,))]
        parts.append("\n".join(_table(settings, ours=ours)) + "\n")
    return "\n".join([*parts, TAIL])


def _table(settings: list[Setting], *, ours: bool) -> Iterator[str]:
    yield "| variable | default | a value is | what |" if ours else "| variable | such as | what |"
    yield "|---|---|---|---|" if ours else "|---|---|---|"
    for setting in settings:
        unset = ours and (not setting.default or setting.name in PROXIES)
        shown = "not set" if unset else f"`{setting.default}`"
        words = _linked(UNSET.sub("", setting.words)).replace("|", "\\|")
        columns = [f"`{setting.name}`", shown]
        if ours:
            allowed = "as curl reads it" if setting.name in PROXIES else kind(setting.name)
            columns.append(allowed.replace("|", "\\|"))
        yield f"| {' | '.join([*columns, words])} |"


def _linked(words: str) -> str:
    """Return words in which pages are links, and names of settings are code."""
    words = re.sub(r"\bdocs/([\w-]+\.md)", r"[\1](\1)", words)
    return re.sub(r"(?<![`\w$])([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?![`\w])", r"`\1`", words)


if __name__ == "__main__":
    keep(PAGE, page(EXAMPLE.read_text("utf-8")), ".env.example and the code say")
