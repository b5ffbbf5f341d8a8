"""What a desk has found in a request: the few things the gateway acts on."""

from llmproxy.application.interfaces.call import RequestBody
from llmproxy.domain.usage import Usage


class Asked:
    """A checked request. `max_output_tokens` is per choice, None when the request sets no bound.

    `model` is empty when the request names none, which OpenAI allows for some operations.
    `counted` is what the desk itself counted of what is paid for, if it did; `audio_ms_at_most`
    bounds how long the sound is. A `plain` prompt is text alone, as far as was seen. `previous` is
    the id of the response that the request goes on from; `background` leaves the provider at work.
    """

    __slots__ = (
        "audio_ms_at_most",
        "background",
        "body",
        "choices",
        "counted",
        "max_output_tokens",
        "model",
        "plain",
        "previous",
        "stream",
    )

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
        self.previous: str | None = None
        self.background = False
        self.audio_ms_at_most = 0
        self.plain = False
