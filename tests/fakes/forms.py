"""What a test says of an answer's bytes."""

from typing_extensions import override

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.response_cache import AnswerForms, Form, Kept, Shape


class FakeForms(AnswerForms):
    """All is complete but what holds `partial`; `conversions` maps a form to what it becomes."""

    def __init__(self) -> None:
        self.conversions: dict[Form, bytes] = {}

    @override
    def complete(self, call: Call, form: Form, body: bytes) -> bool:
        return b"partial" not in body

    @override
    def converted(self, kept: Kept, call: Call, wanted: Shape) -> bytes | None:
        return self.conversions.get(wanted.form)
