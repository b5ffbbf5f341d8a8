"""What happened to a request on its way into other words: left out, or put differently."""

from dataclasses import dataclass, field

from llmproxy.infra.providers.translated.chat_request import invalid
from llmproxy.infra.providers.translated.leftovers import unsupported_parameters


@dataclass(slots=True)
class Remarks:
    """Collects the names for the headers; `lenient` is the document's `drop_unsupported`."""

    model: str
    lenient: bool
    dropped: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)

    def drop(self, name: str) -> None:
        """Name something that an answer does not depend on and that cannot be said."""
        if name not in self.dropped:
            self.dropped.append(name)

    def change(self, name: str) -> None:
        """Name something that is said, but not as it stood."""
        if name not in self.changed:
            self.changed.append(name)

    def unsupported(self, name: str) -> None:
        """Leave out a field that the model cannot take, or raise InvalidRequest."""
        if not self.lenient:
            raise unsupported_parameters([name], self.model)
        self.drop(name)

    def impossible(self, name: str, words: str, hint: str = "") -> None:
        """Leave out a value that cannot be said, or raise InvalidRequest with these words."""
        if not self.lenient:
            raise invalid(name, words, code="unsupported_value", hint=hint)
        self.drop(name)
