"""Where each of these vendors differs from OpenAI's chat completions, as a row.

Mistral: mistralai 3.7.0 `gcp/client/models/chatcompletionrequest.py` and its messages; whatever is
not listed there is refused with 422. Jamba: docs.ai21.com "Jamba API reference" (2026-11) and ai21
4.3.0 `clients/vertex/ai21_vertex_client.py`, which sends neither `model` nor `stream`.
"""

from collections.abc import Mapping
from typing import NamedTuple

MISTRAL_FIELDS = frozenset(
    (
        "temperature",
        "top_p",
        "max_tokens",
        "max_completion_tokens",
        "stop",
        "seed",
        "random_seed",
        "metadata",
        "response_format",
        "tools",
        "tool_choice",
        "presence_penalty",
        "frequency_penalty",
        "min_tokens",
        "repetition_penalty",
        "top_k",
        "logprobs",
        "top_logprobs",
        "n",
        "prediction",
        "parallel_tool_calls",
        "reasoning_effort",
        "prompt_mode",
        "safe_prompt",
        "guardrails",
    )
)
JAMBA_FIELDS = frozenset(
    (
        "temperature",
        "top_p",
        "max_tokens",
        "max_completion_tokens",
        "stop",
        "n",
        "tools",
        "documents",
        "response_format",
    )
)
DEFAULTS = frozenset(("temperature", "top_p", "max_tokens"))


class Manners(NamedTuple):
    """One vendor. `publisher` is its name in a Vertex path.

    `fields` are those of a request that it knows, `renamed` what some of them are called there.
    `names_model` says whether model and stream stand in the body as well. `parts` are the kinds of
    content that a message may hold; where it is empty, content is one text. `short_ids` asks for
    ids of tool calls of exactly nine letters and digits. `defaults` are the fields of a document
    that it takes as defaults.
    """

    publisher: str
    fields: frozenset[str]
    renamed: Mapping[str, str]
    defaults: frozenset[str]
    names_model: bool
    parts: frozenset[str]
    short_ids: bool
    any_choice: bool


MISTRAL = Manners(
    publisher="mistralai",
    fields=MISTRAL_FIELDS,
    renamed={"max_completion_tokens": "max_tokens", "seed": "random_seed"},
    defaults=DEFAULTS | {"presence_penalty", "frequency_penalty"},
    names_model=True,
    parts=frozenset(("text", "image_url")),
    short_ids=True,
    any_choice=True,
)
JAMBA = Manners(
    publisher="ai21",
    fields=JAMBA_FIELDS,
    renamed={"max_completion_tokens": "max_tokens"},
    defaults=DEFAULTS,
    names_model=False,
    parts=frozenset(),
    short_ids=False,
    any_choice=False,
)
