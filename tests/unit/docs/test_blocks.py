"""Every fenced block of every page is checked by its language; what can be run is run elsewhere.

A block that nobody covers fails: without a language that is known here, or on a page of commands of
which nobody has said which test runs them, or why none does.
"""

import json
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator, Mapping
from functools import cache

import pytest
import typer
import yaml

from llmproxy.cli.commands import app
from llmproxy.infra.wire.jsonc import read_documents
from tests.unit.docs.pages import DOCS, FENCE, ROOT, Block

TOP = ("README.md", "README.pt-BR.md")
RUN: Mapping[str, str] = {
    "README.md": "tests/api/test_readme.py",
    "README.pt-BR.md": "tests/api/test_readme.py",
    "docs/quick-start.md": "tests/api/test_quick_start.py",
    "docs/pt-BR/inicio-rapido.md": "tests/api/test_quick_start.py",
    "docs/administration.md": "tests/api/admin/test_examples.py",
    "docs/command-line.md": "tests/unit/cli/test_docs.py",
    "docs/migrating-from-litellm.md": "tests/unit/cli/test_docs.py",
    "docs/integrations.md": "tests/integrations/page.py",
    "docs/limits.md": "tests/unit/cli/test_limits_in_docs.py",
    "docs/usage.md": "tests/api/usage/test_tags_and_docs.py",
}
"""Which test runs the commands and programs of a page, as they stand."""
READ: Mapping[str, str] = {
    "docs/cache.md": "one header of a request each; tests/api/cache sends them all",
    "docs/cosmos.md": "az asks the cloud; a test compares them with what the gateway prints",
    "docs/deployment.md": "Docker, Kubernetes, the cloud; tests/deploy checks what they are given",
    "docs/doctor.md": "tests/api/doctor runs the command in every state",
    "docs/explain.md": "a synopsis; a test runs the example below it",
    "docs/load-tests.md": "load is a matter of minutes; scripts/load runs it",
    "docs/metrics.md": "a Prometheus of the reader; tests/api/metrics runs one with this file",
    "docs/operations.md": "installing takes minutes; scripts/test does it",
    "docs/overload.md": "one field of a project; tests/api/overload sets it",
    "docs/prices.md": "needs LiteLLM; tests/long_tail/test_price_table.py runs it",
    "docs/redis.md": "a setting; tests/contract/test_redis_client.py reads such addresses",
    "docs/registry.md": "commands of docs/command-line.md, about keys that are not there",
    "docs/secrets.md": "a file `.env`; tests/unit/domain/test_dotenv.py reads it",
    "docs/security.md": "asks an index of packages for what is known of them",
    "docs/tracing.md": "settings; tests/api/tracing starts gateways with them",
}
"""Why the commands of a page are only read: parsed, their options known, their files there."""
PROGRAMS = frozenset(("sh", "bash", "python", "js"))
SCRIPT = re.compile(r"(?:^|[\s;&|(])((?:scripts|deploy)/[\w./-]+)")
OURS = re.compile(r"(?:^|[(;&|][ \t]*|\s--[ \t]+|gateway[ \t]+)llmproxy[ \t]+([^\n#;|)<>&]*)")
PLACEHOLDER = re.compile(r"\[--|\[OPTION|…|\$")
ADDRESS = re.compile(r"(?:127\.0\.0\.1|localhost):8000(/[\w/.-]*)")
SERVED = ("/v1", "/admin", "/health", "/metrics", "/docs", "/openapi.json")


def pages() -> Iterator[str]:
    """The pages of the project that people read, from its root."""
    yield from TOP
    yield from sorted(path.relative_to(ROOT).as_posix() for path in DOCS.rglob("*.md"))


@cache
def blocks() -> tuple[Block, ...]:
    """Every fenced block of every page."""
    return tuple(
        Block(page, language, text)
        for page in pages()
        for language, text in FENCE.findall((ROOT / page).read_text("utf-8"))
    )


def _json(text: str) -> None:
    """One value, or several after one another, such as lines of a journal."""
    decoder = json.JSONDecoder()
    rest = text.strip()
    assert rest
    while rest:
        _, end = decoder.raw_decode(rest)
        rest = rest[end:].lstrip()


def _documents(text: str) -> None:
    assert list(read_documents(text))


def _python(text: str) -> None:
    compile(text, "block", "exec")


def _shell(text: str) -> None:
    done = subprocess.run(
        ["bash", "-n"], input=text, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    missing = [name for name in SCRIPT.findall(text) if not (ROOT / name).exists()]
    assert missing == []
    for arguments in commands_of(text):
        parse(arguments)
    strange = [path for path in ADDRESS.findall(text) if not path.startswith(SERVED)]
    assert strange == []


def commands_of(text: str) -> Iterator[list[str]]:
    """The commands `llmproxy …` of a block, with their arguments; none of a here-document."""
    plain = re.sub(r"<<-?'?(\w+)'?\n.*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    for line in plain.replace("\\\n", " ").splitlines():
        for found in OURS.findall(line.partition("  #")[0]):
            if not PLACEHOLDER.search(found):
                yield shlex.split(found)


def parse(arguments: list[str]) -> None:
    """Parse the arguments of `llmproxy`; raises what the command line says of wrong ones."""
    command = typer.main.get_command(app)
    words = [*arguments]
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]  # type: ignore[attr-defined]
    if words != ["--version"]:
        assert not hasattr(command, "commands"), f"llmproxy {arguments} is no command"
        command.make_context("llmproxy", words)


def _yaml(text: str) -> None:
    assert list(yaml.safe_load_all(text))


def _words(text: str) -> None:
    assert text.strip()


CHECKS: Mapping[str, Callable[[str], None]] = {
    "json": _json,
    "jsonc": _documents,
    "python": _python,
    "sh": _shell,
    "bash": _shell,
    "yaml": _yaml,
    "js": _words,  # the only ones are run
    "nginx": _words,  # nginx runs it: tests/api/lifecycle
    "http": _words,
    "kusto": _words,
    "text": _words,
}


def numbered(block: Block) -> str:
    """A name for a block, in the list of tests."""
    return f"{block.page}-{block.language or 'none'}"


@pytest.mark.parametrize("block", blocks(), ids=numbered)
def test_a_block_is_good(block: Block) -> None:
    """It has a language that is known here, and is well-formed in it."""
    assert block.language in CHECKS, f"who checks a block of {block.language or 'no language'}?"
    CHECKS[block.language](block.text)


def test_every_page_of_commands_is_run_or_read() -> None:
    """Each is on one of the lists, and no other."""
    with_programs = {block.page for block in blocks() if block.language in PROGRAMS}
    assert sorted(with_programs - {*RUN, *READ}) == []
    assert sorted({*RUN, *READ} - with_programs) == []
    assert sorted({*RUN} & {*READ}) == []


@pytest.mark.parametrize(("page", "test"), sorted(RUN.items()))
def test_who_runs_a_page_names_it(page: str, test: str) -> None:
    """The test reads the very page."""
    assert page.removeprefix("docs/") in (ROOT / test).read_text("utf-8")


def test_only_run_pages_have_javascript() -> None:
    """Nothing here reads it."""
    assert {block.page for block in blocks() if block.language == "js"} <= set(RUN)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("json", '{"a": }'),
        ("json", ""),
        ("python", "def f(:"),
        ("sh", "if true; then"),
        ("sh", "scripts/no-such-script"),
        ("sh", "KEY=$(llmproxy keys create --no-such-option)"),
        ("sh", "llmproxy no-such-command"),
        ("sh", "llmproxy keys"),
        ("sh", "curl http://127.0.0.1:8000/chat/completions"),
        ("yaml", "a: [b"),
        ("jsonc", "// nothing"),
    ],
)
def test_the_checks_themselves(language: str, text: str) -> None:
    """Each refuses what it is there for."""
    with pytest.raises(Exception):  # noqa: B017, PT011 - each check says it in its own way
        CHECKS[language](text)
