"""What is a complete, successful answer, and so may be given again."""

import pytest

from llmproxy.application.interfaces.response_cache import Form, Kept, Shape
from llmproxy.domain.operation import Endpoint
from llmproxy.infra.controllers.openai.kept_forms import OpenAIForms
from tests.fakes.calls import chat_call

FORMS = OpenAIForms()
CHAT = Endpoint.CHAT_COMPLETIONS


@pytest.mark.parametrize(
    ("endpoint", "body", "complete"),
    [
        (CHAT, b'{"choices":[{"finish_reason":"stop"}]}', True),
        (CHAT, b'{"choices":[{"finish_reason":"length"}],"error":null}', True),
        (CHAT, b'{"choices":[{"finish_reason":"content_filter"}]}', True),
        (CHAT, b'{"choices":[{"finish_reason":"stop"},{"finish_reason":null}]}', False),
        (CHAT, b'{"choices":[]}', False),
        (CHAT, b"{}", False),
        (CHAT, b'{"error":{"message":"no"},"choices":[{"finish_reason":"stop"}]}', False),
        (CHAT, b"[]", False),
        (CHAT, b"\xff", False),
        (Endpoint.EMBEDDINGS, b'{"data":[{}]}', True),
        (Endpoint.EMBEDDINGS, b'{"data":[]}', False),
        (Endpoint.MODERATIONS, b'{"results":[{}]}', True),
        (Endpoint.RESPONSES, b'{"status":"completed","error":null}', True),
        (Endpoint.RESPONSES, b'{"status":"incomplete"}', True),
        (Endpoint.RESPONSES, b'{"status":"failed","error":{"code":"x"}}', False),
        (Endpoint.RESPONSES, b'{"status":"in_progress"}', False),
        (Endpoint.RESPONSES_INPUT_TOKENS, b'{"input_tokens":3}', True),
    ],
)
def test_in_one_piece(endpoint: Endpoint, body: bytes, complete: bool) -> None:  # noqa: FBT001
    """By what the endpoint's answers hold."""
    assert FORMS.complete(chat_call({}, endpoint), Form.WHOLE, body) is complete


def test_in_the_background() -> None:
    """The first answer to a key is that the response is being made."""
    call = chat_call({}, Endpoint.RESPONSES)
    call.background = True
    assert FORMS.complete(call, Form.WHOLE, b'{"status":"queued"}')


def test_streams() -> None:
    """One that reached its end is complete, but for a response that failed there."""
    call = chat_call({}, Endpoint.RESPONSES)
    failed = b'event: response.failed\ndata: {"type":"response.failed"}\n\n'
    assert not FORMS.complete(call, Form.EVENTS, failed)
    assert FORMS.complete(call, Form.EVENTS, failed.replace(b"failed", b"completed"))
    assert not FORMS.complete(call, Form.EVENTS, b"")
    assert FORMS.complete(chat_call({}), Form.EVENTS, b"data: {}\n\n")
    assert FORMS.complete(call, Form.BYTES, b"RIFF")
    assert not FORMS.complete(call, Form.BYTES, b"")


def test_other_endpoints_have_one_form() -> None:
    """Nothing converts them."""
    kept = Kept(Shape(Form.WHOLE), (), b"{}", "d", 0.0, 1.0)
    call = chat_call({}, Endpoint.COMPLETIONS)
    assert FORMS.converted(kept, call, Shape(Form.EVENTS)) is None
