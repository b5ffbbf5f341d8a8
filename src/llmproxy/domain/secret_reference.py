"""Names of secrets in documents: which a model needs, and what is no name but a secret itself."""

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from llmproxy.domain.model import Model

_SUFFIX: Final = "_secret_name"
_MAX_NAME = 127
"""Longest name of a secret in Azure Key Vault; variables are shorter in practice."""

_NAME: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")

_LITERAL_STARTS: Final = (
    "sk-", "sk_", "AIza", "AKIA", "ASIA", "eyJ", "gsk_", "ghp_", "gho_", "github_pat_", "glpat-",
    "hf_", "xai-", "xoxb-", "xoxp-", "pplx-", "ya29.", "r8_", "nvapi-", "Bearer", "-----BEGIN",
)  # fmt: skip

_HEX_KEY: Final = re.compile(r"[0-9a-fA-F]{32,}")
_RUN: Final = re.compile(r"[A-Za-z0-9]{32,}")
"""No word of a name is this long; the keys of Azure (84 characters) and Mistral (32) are."""


def looks_literal(value: str) -> bool:
    """Whether this is probably a secret itself: a vendor's prefix, a random run, or no name."""
    if value.startswith(_LITERAL_STARTS) or len(value) > _MAX_NAME:
        return True
    return not _NAME.fullmatch(value) or any(map(_is_random, _RUN.findall(value)))


def _is_random(run: str) -> bool:
    if _HEX_KEY.fullmatch(run) and any(map(str.isdigit, run)):
        return True
    kinds = (str.isupper, str.islower, str.isdigit)
    return sum(any(map(kind, run)) for kind in kinds) > 1


def references_of(model: "Model") -> frozenset[str]:
    """Return the name of every secret that calls of this model need.

    They are its key, the secret of its identity at Entra ID, and every further parameter that ends
    in `_secret_name`. What a document does not name is not among them: AZURE_CLIENT_SECRET and
    Google's default credentials come from the process's own environment, which never changes.
    """
    parameters = model.parameters
    identity = parameters.identity
    named = (
        parameters.secret_name,
        identity.client_secret_name if identity is not None else None,
        *(value for name, value in parameters.extra.items() if name.endswith(_SUFFIX)),
    )
    return frozenset(name for name in named if isinstance(name, str) and name)
