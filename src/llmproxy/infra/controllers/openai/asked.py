"""What a desk has found in a request: the few things the gateway acts on."""

from llmproxy.application.interfaces.call import RequestBody
from llmproxy.domain.usage import Usage


class Asked:
    """A checked request. `max_output_tokens` is per choice, None when the request sets no bound.

    `model` is empty when the request names none, which OpenAI allows for some operations.
    `counted` is what the desk itself counted of what is paid for, if it did.
    """

    __slots__ = ("body", "choices", "counted", "max_output_tokens", "model", "stream")

    def __init__(
        self,
        body: RequestBody,
        model: str,
        *,
        stream: bool = False,
        choices: int = 1,
        max_output_tokens: int | None = None,
        counted: Usage | None = None,
    ) -> None:
        self.body = body
        self.model = model
        self.stream = stream
        self.choices = choices
        self.max_output_tokens = max_output_tokens
        self.counted = counted
