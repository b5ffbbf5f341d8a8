"""The shapes of content blocks, tools and the other parts of a body.

Fields: `anthropic/types/*_param.py` of anthropic 2.12.0.
"""

from collections.abc import Mapping

from tests.simulators.anthropic_wire.shapes import (
    Check,
    anything,
    boolean,
    integer,
    items,
    mapping,
    matching,
    nullable,
    one_of,
    record,
    tagged,
    text,
    text_or,
)

CACHE_CONTROL: Check = tagged(
    {"ephemeral": record({"type": text, "ttl": one_of("5m", "1h")}, "type")}
)
_CACHE = {"cache_control": nullable(CACHE_CONTROL)}
_CITATIONS = {"citations": nullable(record({"enabled": boolean}))}
_CALLER = {"caller": nullable(mapping), "toolset_name": nullable(text)}
_IMAGE_KINDS = one_of("image/jpeg", "image/png", "image/gif", "image/webp")
_URL = record({"type": text, "url": text}, "url")
_FILE = record({"type": text, "file_id": text}, "file_id")


def _base64(kinds: Check) -> Check:
    return record({"type": text, "media_type": kinds, "data": text}, "media_type", "data")


TEXT: Check = record({"type": text, "text": text, "citations": anything, **_CACHE}, "text")
IMAGE: Check = record(
    {
        "type": text,
        "source": tagged({"base64": _base64(_IMAGE_KINDS), "url": _URL, "file": _FILE}),
        "transformations": anything,
        **_CACHE,
    },
    "source",
)
DOCUMENT: Check = record(
    {
        "type": text,
        "source": tagged(
            {
                "base64": _base64(one_of("application/pdf")),
                "text": _base64(one_of("text/plain")),
                "content": record(
                    {
                        "type": text,
                        "content": text_or(items(tagged({"text": TEXT, "image": IMAGE}))),
                    },
                    "content",
                ),
                "url": _URL,
                "file": _FILE,
            }
        ),
        "title": nullable(text),
        "context": nullable(text),
        **_CITATIONS,
        **_CACHE,
    },
    "source",
)
SEARCH_RESULT: Check = record(
    {
        "type": text,
        "source": text,
        "title": text,
        "content": items(tagged({"text": TEXT})),
        **_CITATIONS,
        **_CACHE,
    },
    "source",
    "title",
    "content",
)
TOOL_USE: Check = record(
    {
        "type": text,
        "id": matching(r"[a-zA-Z0-9_-]+"),
        "name": text,
        "input": mapping,
        **_CALLER,
        **_CACHE,
    },
    "id",
    "name",
    "input",
)
TOOL_RESULT: Check = record(
    {
        "type": text,
        "tool_use_id": matching(r"[a-zA-Z0-9_-]+"),
        "content": text_or(
            items(
                tagged(
                    {
                        "text": TEXT,
                        "image": IMAGE,
                        "document": DOCUMENT,
                        "search_result": SEARCH_RESULT,
                    }
                )
            )
        ),
        "is_error": boolean,
        "toolset_name": nullable(text),
        **_CACHE,
    },
    "tool_use_id",
)
THINKING: Check = record(
    {"type": text, "thinking": text, "signature": text}, "signature", "thinking"
)
REDACTED_THINKING: Check = record({"type": text, "data": text}, "data")

# Which blocks stand in a turn of which role; `document` leaves the assistant's with 2026-10-21.
USER_BLOCKS: Mapping[str, Check] = {
    "text": TEXT,
    "image": IMAGE,
    "document": DOCUMENT,
    "search_result": SEARCH_RESULT,
    "tool_result": TOOL_RESULT,
}
ASSISTANT_BLOCKS: Mapping[str, Check] = {
    "text": TEXT,
    "document": DOCUMENT,
    "thinking": THINKING,
    "redacted_thinking": REDACTED_THINKING,
    "tool_use": TOOL_USE,
}
ALL_BLOCKS: Mapping[str, Check] = {**USER_BLOCKS, **ASSISTANT_BLOCKS}

SYSTEM: Check = text_or(items(tagged({"text": TEXT})))

TOOL: Check = record(
    {
        "type": nullable(one_of("custom")),
        "name": matching(r"[a-zA-Z0-9_-]{1,128}"),
        "description": text,
        "input_schema": mapping,
        "strict": boolean,
        "input_examples": items(mapping),
        "allowed_callers": items(text),
        "defer_loading": boolean,
        "eager_input_streaming": nullable(boolean),
        **_CACHE,
    },
    "name",
    "input_schema",
)

_PARALLEL = {"type": text, "disable_parallel_tool_use": boolean}
TOOL_CHOICE: Check = tagged(
    {
        "auto": record(_PARALLEL),
        "any": record(_PARALLEL),
        "tool": record({**_PARALLEL, "name": text}, "name"),
        "none": record({"type": text}),
    }
)

_DISPLAY = {"type": text, "display": nullable(one_of("summarized", "omitted"))}
THINKING_CONFIG: Check = tagged(
    {
        "enabled": record({**_DISPLAY, "budget_tokens": integer(1024)}, "budget_tokens"),
        "adaptive": record(_DISPLAY),
        "disabled": record({"type": text}),
        "between_tools": record({"type": text}),
    }
)
OUTPUT_CONFIG: Check = record(
    {
        "effort": nullable(one_of("low", "medium", "high", "xhigh", "max")),
        "format": nullable(
            tagged({"json_schema": record({"type": text, "schema": mapping}, "schema")})
        ),
    }
)
