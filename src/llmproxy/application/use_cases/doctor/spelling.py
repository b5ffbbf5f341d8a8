"""Variables that nobody reads, since they are misspelt."""

import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from typing import Final

from llmproxy.application.use_cases.doctor.findings import Finding, Findings, ok, warning

OURS: Final = "LLMPROXY_"
OF_COMMANDS: Final = frozenset({"LLMPROXY_ENV_FILE", "LLMPROXY_URL"})
"""Read before the settings, or by the command line only."""
OF_SCRIPTS: Final = re.compile(
    r"LLMPROXY_(PYTHON|BIN|LITELLM_BIN|NODE|COSMOS_EMULATOR|REQUIRE_\w+)"
)
OF_KUBERNETES: Final = re.compile(
    r"\w+_SERVICE_(HOST|PORT)(_\w+)?|\w+_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?"
)
"""Set in every container for each Service (kubernetes.io, "Accessing the Service", environment
variables): one that is called llmproxy gives names that begin as ours do."""
LEAST_LENGTH: Final = 6
ALIKE: Final = 0.85


def misspelt(
    names: Collection[str], known: Collection[str], mentioned: Collection[str] = ()
) -> Findings:
    """Return a warning for each name that looks like a setting and is none.

    `known` are all names that are read, `mentioned` those that documents name.
    """
    found = list(_misspelt(names, frozenset(known) | OF_COMMANDS, frozenset(mentioned)))
    return found or [ok("no variable looks like a misspelt setting")]


def _misspelt(
    names: Collection[str], known: frozenset[str], mentioned: frozenset[str]
) -> Iterator[Finding]:
    for name in sorted(names):
        if name in known or name in mentioned or OF_SCRIPTS.fullmatch(name):
            continue
        if OF_KUBERNETES.fullmatch(name):
            continue
        meant = _meant(name, known)
        if meant is not None:
            yield warning(f"{name} is not read by anything", f"did you mean {meant}?")
        elif name.startswith(OURS):
            yield warning(f"{name} is no setting", "see .env.example for all of them")


def _meant(name: str, known: frozenset[str]) -> str | None:
    upper = name.upper()
    if len(name) < LEAST_LENGTH or "_" not in name:
        return None
    if upper in known:
        return upper
    close = get_close_matches(upper, known, n=1, cutoff=ALIKE)
    # OPENAI_API_KEY_2 is another key, and OTHER_REDIS_URL another program's: named on purpose.
    if not close or close[0] in upper or upper in close[0]:
        return None
    return close[0]
