"""LiteLLM is imported here and nowhere else, in the surroundings that it must have.

It is found by name when it is needed, since it is an extra: neither the type checker nor the
server's own environment knows it.
"""

import logging
import os
import warnings
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any, Final

from llmproxy.infra.providers.long_tail.closed import closed, install
from llmproxy.infra.providers.openai_wire.endpoints import Incomplete

VERSION: Final = "1.110.2"
"""The version that the translators were tried with; its classes are semi-public."""

MEND: Final = (
    "start with `scripts/serve --with litellm`, or `pip install 'llmproxy[litellm]'` beside it"
)
SURROUNDINGS: Final = {
    # Otherwise it reads a file .env of the working directory (litellm/__init__.py).
    "LITELLM_MODE": "PRODUCTION",
    # Otherwise it fetches a table of prices over the network (litellm/__init__.py).
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
}
LOGGERS: Final = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy")

Foreign = Any
"""Something of LiteLLM's: the type checker does not see it."""


def check_installed() -> None:
    """Raise Incomplete when LiteLLM is not here, or is another than the one that was tried."""
    try:
        found = version("litellm") if find_spec("litellm") else None
    except PackageNotFoundError:
        found = None
    if found is None:
        raise Incomplete(f"LiteLLM is not installed here: {MEND}")
    if found != VERSION:
        raise Incomplete(
            f"LiteLLM {found} is installed, and {VERSION} is the one that was tried: {MEND}"
        )


def load() -> Foreign:
    """Return the package `litellm`; the first time this takes seconds: call it in a thread.

    Raises whatever a failing import raises.
    """
    install()
    os.environ.update(SURROUNDINGS)
    # Its types make pydantic warn developers of LiteLLM's.
    warnings.filterwarnings("ignore", category=UserWarning, module=r"pydantic\.")
    with closed():
        litellm: Foreign = import_module("litellm")
    for name in LOGGERS:
        # It logs what callers say, and prints it in its own format.
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.setLevel(logging.CRITICAL + 1)
    # Only prints: without this it writes hints for people to stdout, where the access log is.
    litellm.suppress_debug_info = True
    return litellm


def part(module: str, name: str) -> Foreign:
    """Return a class or function of LiteLLM's by its module below `litellm` and its name."""
    return getattr(import_module(f"litellm.{module}"), name)
