"""A whole answer, given to LiteLLM as the response of httpx that it expects."""

from collections.abc import Callable, Mapping
from importlib import import_module

from llmproxy.infra.providers.long_tail.dialect import Made, Silent
from llmproxy.infra.providers.long_tail.importing import Foreign, part


def whole_answer(
    transform: Callable[..., Foreign],
    model: str,
    made: Made,
    body: bytes,
    options: Mapping[str, object],
) -> Foreign:
    """Return what the provider's `transform_response` makes. Raises whatever LiteLLM raises."""
    # LiteLLM brings it along.
    httpx: Foreign = import_module("httpx")
    response = httpx.Response(
        200,
        headers={"content-type": "application/json"},
        content=body,
        request=httpx.Request("POST", made.url),
    )
    return transform(
        model=model,
        raw_response=response,
        model_response=part("types.utils", "ModelResponse")(),
        logging_obj=Silent(made.optional),
        request_data=made.data,
        messages=made.messages,
        optional_params=made.optional,
        litellm_params=dict(options),
        encoding=None,
        json_mode=made.json_mode,
    )
