"""Errors as LiteLLM's SDK sees them, and its Router: failures.py MODEL OTHER-MODEL LIMITED-MODEL.

The test has planned two failures of MODEL, the second in a stream, and then some for its Router.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

import litellm

MESSAGES = [{"role": "user", "content": "hello there"}]
MODEL, OTHER, LIMITED = sys.argv[1:4]
BASE = os.environ["GATEWAY_BASE_URL"]
KEY = os.environ["LLMPROXY_API_KEY"]


def ask(model: str, key: str = KEY, **more: Any) -> Any:  # noqa: ANN401
    """One call without retries."""
    return litellm.completion(
        f"openai/{model}", MESSAGES, api_base=BASE, api_key=key, max_retries=0, **more
    )


def error_of(call: Callable[[], object]) -> dict[str, Any]:
    """The error that a call ends in."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 - which class it is, is what is asked
        answer = getattr(error, "response", None)
        headers = getattr(error, "litellm_response_headers", None) or getattr(answer, "headers", {})
        return {
            "class": type(error).__name__,
            "status": getattr(error, "status_code", None),
            "retryAfter": headers.get("retry-after"),
            "message": str(error),
        }
    raise AssertionError("no error")


def router() -> dict[str, Any]:
    """Two deployments under one name: the first is busy, the second answers."""
    deployments = [
        {
            "model_name": "both",
            "litellm_params": {
                "model": f"openai/{model}",
                "api_base": BASE,
                "api_key": KEY,
                "max_retries": 0,
                "order": order,
            },
        }
        for order, model in ((1, MODEL), (2, OTHER))
    ]
    made = litellm.Router(model_list=deployments, num_retries=2, retry_after=0, cooldown_time=30)
    answers = [made.completion("both", MESSAGES) for _ in range(2)]
    return {
        "said": [answer.choices[0].message.content for answer in answers],
        "models": [answer.model for answer in answers],
    }


def main() -> None:
    """Meet every error, and report."""
    limited_key = os.environ["LIMITED_API_KEY"]
    ask(LIMITED, limited_key)
    report = {
        "noKey": error_of(lambda: ask(MODEL, "sk-wrong")),
        "unknownModel": error_of(lambda: ask("gpt-0")),
        "overTheLimit": error_of(lambda: ask(LIMITED, limited_key)),
        "failed": error_of(lambda: ask(MODEL)),
        "cut": error_of(lambda: list(ask(MODEL, stream=True))),
        "router": router(),
    }
    sys.stdout.write(json.dumps(report) + "\n")


main()
