"""The Dockerfile, read as far as these tests ask it."""

import json
import re
import shlex
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[2]
IGNORED = [
    line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"
]
FLAG = re.compile(r"^--[a-z-]+(=\S+)?\s+")


@dataclass
class Stage:
    """From one FROM to the next: instructions in their order, and its name."""

    image: str
    name: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def of(self, word: str) -> list[str]:
        """What stands behind each instruction of a kind, without flags such as --mount."""
        return [_plain(rest) for each, rest in self.instructions if each == word]

    def last(self, word: str) -> str:
        """What counts, of an instruction that is given once."""
        found = self.of(word)
        assert found, f"no {word}"
        return found[-1]

    def command(self, word: str) -> list[str]:
        """An ENTRYPOINT or CMD, which must be a list (no shell in between that keeps signals)."""
        command = json.loads(self.last(word))
        assert isinstance(command, list)
        return [str(each) for each in command]

    def variables(self) -> dict[str, str]:
        """What ENV sets."""
        pairs = [each for line in self.of("ENV") for each in shlex.split(line)]
        return dict(pair.partition("=")[::2] for pair in pairs)


def stages(text: str) -> list[Stage]:
    """All stages. Arguments before the first FROM are put into the images' names."""
    found: list[Stage] = []
    arguments: dict[str, str] = {}
    for word, rest in _instructions(text):
        if word == "FROM":
            image, _, name = rest.partition(" AS ")
            found.append(Stage(_filled(image, arguments), name))
        elif found:
            found[-1].instructions.append((word, rest))
        elif word == "ARG":
            name, _, value = rest.partition("=")
            arguments[name] = _filled(value, arguments)
    return found


def read() -> list[Stage]:
    """The stages of the project's Dockerfile."""
    return stages((ROOT / "Dockerfile").read_text("utf-8"))


def is_sent(path: str) -> bool:
    """Whether a path of this folder is in what Docker is given: the last line that fits counts."""
    sent = True
    for line in IGNORED:
        pattern = line.removeprefix("!").removeprefix("**/")
        places = [path, *(str(each) for each in Path(path).parents)]
        if any(fnmatch(each, pattern) or fnmatch(Path(each).name, pattern) for each in places[:-1]):
            sent = line.startswith("!")
    return sent


def _instructions(text: str) -> list[tuple[str, str]]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    whole = re.sub(r"\\\n\s*", "", "\n".join(lines))
    parts = [line.split(None, 1) for line in whole.splitlines() if line.strip()]
    return [(word.upper(), rest) for word, rest in parts]


def _filled(text: str, arguments: dict[str, str]) -> str:
    for name, value in arguments.items():
        text = text.replace(f"${{{name}}}", value)
    return text


def _plain(rest: str) -> str:
    while (found := FLAG.match(rest)) is not None:
        rest = rest[found.end() :]
    return rest
