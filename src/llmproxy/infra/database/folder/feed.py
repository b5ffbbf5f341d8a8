"""Following a folder: what has changed is told, what cannot be read is named with its line."""

from collections.abc import Mapping
from typing import Final

from typing_extensions import override

from llmproxy.application.interfaces.document_repository import StoredDocument
from llmproxy.application.interfaces.feed import Feed, News
from llmproxy.domain.errors import Unavailable
from llmproxy.infra.database.folder.document_folder import DocumentFolder
from llmproxy.infra.database.folder.reading import Contents

LOOK_EVERY_S: Final = 1.0
"""A look asks for the times of all files: some 10 µs for each, in a thread."""
RELOAD_EVERY_S: Final = 60.0


class FolderFeed(Feed[StoredDocument]):
    """Tells documents apart by their etags: a file that was only touched is no news."""

    look_every_s = LOOK_EVERY_S
    reload_every_s = RELOAD_EVERY_S

    def __init__(self, folder: DocumentFolder) -> None:
        self._folder = folder
        self._told: Contents | None = None
        self._etags: Mapping[str, str] = {}

    @override
    async def everything(self) -> News[StoredDocument]:
        contents = await self._folder.read()
        self._remember(contents)
        return News(contents.documents, (), contents.faults)

    @override
    async def news(self) -> News[StoredDocument] | None:
        """See the port.

        A folder that has become empty is away, not without models: a checkout is under way, a
        volume was unmounted, the only file has a fault. `everything` says so to whoever asks.
        """
        if self._told is None:
            return await self.everything()
        contents = await self._folder.read()
        if contents is self._told:
            return None
        if self._etags and not contents.documents:
            raise Unavailable(self._emptied(contents), retry_after_s=1.0)
        return self._difference(contents, self._told)

    def _difference(self, contents: Contents, told: Contents) -> News[StoredDocument] | None:
        before = self._etags
        self._remember(contents)
        changed = [each for each in contents.documents if before.get(each.id) != each.etag]
        gone = before.keys() - self._etags.keys()
        if not changed and not gone and contents.faults == told.faults:
            return None
        return News(changed, gone, contents.faults)

    def _remember(self, contents: Contents) -> None:
        self._told = contents
        self._etags = {each.id: each.etag for each in contents.documents}

    def _emptied(self, contents: Contents) -> str:
        faults = [f"{place}: {reason}" for place, reason in contents.faults.items()]
        why = f" ({faults[0]})" if faults else ""
        return f"The folder {self._folder.path} (MODELS_PATH) holds no document any more{why}."
