"""What all of Google's translations beside chat share: they answer in one piece."""

from abc import abstractmethod
from collections.abc import Callable, Sequence

from typing_extensions import override

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.errors import UpstreamError
from llmproxy.domain.model import Model
from llmproxy.infra.providers.openai_wire.endpoints import Incomplete, upstream_model
from llmproxy.infra.providers.translated.remarks import Remarks
from llmproxy.infra.providers.translated.translation import Reader, Sent, Translated, Translation
from llmproxy.infra.providers.transport.target import Target
from llmproxy.infra.providers.vertex.failures import google_failure
from llmproxy.infra.providers.vertex.places import publisher_model, vertex_root

HEADERS = {"content-type": "application/json", "accept-encoding": "identity"}
QUOTA_HEADER = "x-goog-user-project"
MakeTarget = Callable[[str, dict[str, str]], Target]


class GoogleTranslation(Translation):
    """One endpoint of one deployment."""

    def __init__(self, make: MakeTarget, model: Model) -> None:
        """Read the document; `make` returns the target of a URL. Raises Incomplete."""
        self._make = make
        self.parameters = model.parameters
        self.name = upstream_model(model).rpartition("/")[2]

    def vertex_target(self, method: str) -> Target:
        """Return where a method of this model is called on Vertex AI. Raises Incomplete."""
        root = vertex_root(self.parameters)
        return self.target(f"{root}/{publisher_model(self.name, 'google')}:{method}")

    def target(self, url: str) -> Target:
        """Return a target that is billed to `parameters.quota_project`, where there is one.

        Google's client libraries send this header for the quota project of a credential only (AIP
        4110): a service account needs the role of a service usage consumer there.
        """
        project = self.text("quota_project")
        further = {} if project is None else {QUOTA_HEADER: project}
        return self._make(url, {**HEADERS, **further})

    def text(self, name: str) -> str | None:
        """Return a parameter that only these translations know. Raises Incomplete."""
        value = self.parameters.extra.get(name)
        if value is not None and (not isinstance(value, str) or not value.isprintable()):
            raise Incomplete(f"parameters.{name} must be a text")
        return value or None

    def remarks(self, call: Call) -> Remarks:
        """Return what collects the names of fields that are left out or changed."""
        return Remarks(call.model, lenient=self.parameters.drop_unsupported)

    @override
    async def answer(self, call: Call, sent: Sent, body: bytes) -> Translated:
        return await self.joined(call, sent, (body,))

    @override
    @abstractmethod
    async def joined(self, call: Call, sent: Sent, bodies: Sequence[bytes]) -> Translated: ...

    @override
    def reader(self, call: Call, sent: Sent) -> Reader | None:
        return None

    @override
    def failure(
        self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes
    ) -> UpstreamError:
        return google_failure(status, headers, body)
