"""The most that a call can cost, before it is known, and what its prompt alone is likely to cost.

Bounds, not estimates: budgets hold because no call costs more than was held for it. Where nothing
in a request bounds a count, a ceiling is stated here.
"""

from typing import Final, NamedTuple

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.domain.model import Model
from llmproxy.domain.operation import Endpoint, Operation
from llmproxy.domain.pricing import Price

ASSUMED_OUTPUT_TOKENS: Final = 16_384
"""The most an answer is taken to hold when neither request nor document sets a bound."""
COMPLETION_TOKENS: Final = 16
"""OpenAI's default of `max_tokens` for completions of the older kind (CreateCompletionRequest)."""
BYTES_PER_TOKEN: Final = 4
"""A common rule of thumb for English text; an estimate is marked as one."""
CARRIED_TOKENS: Final = 32_768
"""The most that a response is taken to bring along of the one it goes on from, which the provider
keeps and bills again (OpenAI's guide "Conversation state")."""

IMAGE_TOKENS: Final = 16_384
"""The most tokens of an image in a conversation, however many bytes it has or where it lies. OpenAI
scales to 1,536 patches at up to 2.46 tokens, or to 10,000 patches in original detail; Claude takes
4,784 tokens at most, Gemini 258 for each of its tiles. Only gpt-4o-mini counts up to 48,169, at a
sixteenth of the price of gpt-4o (the vendors' pages on images and vision)."""
LIKELY_IMAGE_TOKENS: Final = 765
"""1024x1024 pixels in high detail with gpt-4o (OpenAI's guide "Images and vision")."""
_PARTS: Final = {
    Endpoint.CHAT_COMPLETIONS: "messages",
    Endpoint.RESPONSES: "input",
    Endpoint.RESPONSES_COMPACT: "input",
    Endpoint.IMAGES_EDITS: "images",
}
_DATA: Final = b'"data:image/'
_KEYS: Final = (b'"url":', b'"image_url":')
_LONGEST_KEY: Final = 32

_IMAGES: Final = frozenset(
    (Endpoint.IMAGES_GENERATIONS, Endpoint.IMAGES_EDITS, Endpoint.IMAGES_VARIATIONS)
)


class Bound(NamedTuple):
    """What a call can use at most, over all deployments of its plan.

    `cost_nano` is nano-units (1e-9) of `currency`, `tokens` input and output together,
    `output_tokens` those of all its answers. `likely_prompt_tokens` is no bound: about how many
    tokens the prompt has, by a rule of thumb.
    """

    cost_nano: int
    tokens: int
    currency: str
    output_tokens: int
    likely_prompt_tokens: int


def bound_of(call: Call, plan: tuple[Deployment, ...]) -> Bound:
    """Return the bound of a call over these deployments, of which each can serve it."""
    size, shown = prompt_size(call)
    prompt = size + shown * IMAGE_TOKENS
    if call.previous is not None:
        prompt += CARRIED_TOKENS
    counted = call.counted
    characters = 0 if counted is None else counted.characters
    audio_ms = call.audio_ms_at_most
    images = call.choices if call.endpoint in _IMAGES else 0
    cost_nano = most_out = 0
    currency = ""
    for deployment in plan:
        model = deployment.model
        price = model.price
        if price is None:
            continue  # the gate has left none of these
        currency = currency or price.currency
        bound = call.max_output_tokens
        if bound is None:
            bound = _assumed_output_tokens(call, model)
        out = call.choices * bound
        if images or characters or audio_ms:
            cost = price.upper_bound_nano(
                prompt, out, images=images, characters=characters, audio_ms=audio_ms
            )
        else:
            cost = price.upper_bound_nano(prompt, out)
        cost_nano = max(cost_nano, cost)
        most_out = max(most_out, out)
    likely = -(-size // BYTES_PER_TOKEN) + shown * LIKELY_IMAGE_TOKENS
    return Bound(cost_nano, prompt + most_out, currency, most_out, likely)


def prompt_size(call: Call) -> tuple[int, int]:
    """Return how many bytes of a prompt are text, and how many images it shows.

    The bytes of an image say nothing of its tokens: a photo has a hundred times as many, and a
    picture behind an address none at all.
    """
    field = None if call.plain else _PARTS.get(call.endpoint)
    parts = None if field is None else call.body.value(field)
    if parts is None or (b"image" not in parts and call.endpoint is not Endpoint.IMAGES_EDITS):
        return call.prompt_bytes, 0
    words = _without_images(parts)
    shown = _shown(words, call.endpoint)
    return (call.prompt_bytes - len(parts) + len(words), shown) if shown else (call.prompt_bytes, 0)


def _without_images(parts: bytes) -> bytes:
    """Leave out the images that stand in the request itself, as data URLs of a part."""
    kept: list[bytes] = []
    begin = 0
    at = parts.find(_DATA)
    while at >= 0:
        end = parts.find(b'"', at + 1)
        if end < 0:
            break
        if parts[max(0, at - _LONGEST_KEY) : at].replace(b" ", b"").endswith(_KEYS):
            kept.append(parts[begin : at + 1])
            begin = end
        at = parts.find(_DATA, end)
    return b"".join([*kept, parts[begin:]]) if kept else parts


def _shown(parts: bytes, endpoint: Endpoint) -> int:
    """Count the images.

    In chats a part says it twice, as its type and as a field; in responses as its type.
    """
    named = parts.count(b'"image_url"')
    if endpoint is Endpoint.IMAGES_EDITS:
        return named + parts.count(b'"file_id"')
    return max(parts.count(b'"input_image"'), -(-named // 2))


def _assumed_output_tokens(call: Call, model: Model) -> int:
    parameters = model.parameters
    if parameters.max_output_tokens is not None:
        return parameters.max_output_tokens
    if call.endpoint is not Endpoint.COMPLETIONS:
        return ASSUMED_OUTPUT_TOKENS
    sent = parameters.request_defaults.get("max_tokens")
    return COMPLETION_TOKENS if sent is None else int(sent)


def prompt_estimate(call: Call, price: Price, likely_tokens: int) -> tuple[int, int]:
    """Return what the prompt alone is likely to cost, in nano-units, and its tokens.

    Those are the `likely_tokens` of its bound, unless the gateway counted better. Nobody knows more
    of a call whose end was never written.
    """
    counted = call.counted
    if counted is None:
        return price.input_cost_nano(likely_tokens), likely_tokens
    prompt = counted._replace(
        output_tokens=0,
        reasoning_tokens=0,
        audio_output_tokens=0,
        image_output_tokens=0,
        images=0,
        audio_ms=0 if call.operation is Operation.AUDIO_TTS else counted.audio_ms,
    )
    return price.cost_nano(prompt), prompt.total_input_tokens
