"""Usage as LiteLLM reports it, into the one record of this gateway.

LiteLLM keeps to OpenAI's way of counting: cached and cache-written tokens are within
`prompt_tokens`, reasoning, sound and images within `completion_tokens` (litellm 1.110.2
`types/utils.py` Usage, `llms/bedrock/chat/converse_transformation.py` transform_usage).
"""

from collections.abc import Mapping

from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.long_tail.importing import Foreign


def counted(usage: Foreign) -> Usage | None:
    """Return the record; None when nothing was reported, or only zeros."""
    said = _fields(usage)
    into, out = _whole(said, "prompt_tokens"), _whole(said, "completion_tokens")
    if not into and not out:
        return None
    before, after = (
        _fields(said.get("prompt_tokens_details")),
        _fields(said.get("completion_tokens_details")),
    )
    read = min(_whole(before, "cached_tokens"), into)
    write = min(_whole(before, "cache_creation_tokens"), into - read)
    kept = min(_kept(_fields(before.get("cache_creation_token_details"))), write)
    heard = min(_whole(before, "audio_tokens"), into - read - write)
    seen = min(_whole(before, "image_tokens"), into - read - write - heard)
    thought = min(_whole(after, "reasoning_tokens"), out)
    spoken = min(_whole(after, "audio_tokens"), out - thought)
    drawn = min(_whole(after, "image_tokens"), out - thought - spoken)
    return Usage(
        input_tokens=into - read - write - heard - seen,
        cache_read_tokens=read,
        cache_write_tokens=write - kept,
        output_tokens=out - thought - spoken - drawn,
        reasoning_tokens=thought,
        audio_input_tokens=heard,
        audio_output_tokens=spoken,
        image_input_tokens=seen,
        image_output_tokens=drawn,
        cache_write_1h_tokens=kept,
    )


def _kept(details: Mapping[str, Foreign]) -> int:
    """Return what a cache keeps for long: an hour at Anthropic, twelve at OpenAI."""
    names = ("ephemeral_1h_input_tokens", "ephemeral_12h_input_tokens")
    return sum(_whole(details, name) for name in names)


def _fields(value: Foreign) -> Mapping[str, Foreign]:
    if value is None:
        return {}
    return value if isinstance(value, dict) else vars(value)


def _whole(fields: Mapping[str, Foreign], name: str) -> int:
    value = fields.get(name)
    return max(value, 0) if isinstance(value, int) else 0
