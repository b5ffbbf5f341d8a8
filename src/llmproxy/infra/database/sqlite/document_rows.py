"""How a document stands in its table, `models` or `projects`."""

from typing import Final, Literal

from llmproxy.application.interfaces.document_repository import StoredDocument
from llmproxy.infra.wire.document_text import document_from

DocumentTable = Literal["models", "projects"]
Row = tuple[int, str, bytes, str, float]

# A text that is not UTF-8 would fail the whole query; as bytes it fails its own document.
COLUMNS: Final = "number, id, CAST(document AS BLOB), etag, updated_at"


class DamagedRowError(ValueError):
    """A row cannot be read; the message says why and what to do."""


def document_of(table: DocumentTable, row: Row) -> StoredDocument:
    """Read a row of COLUMNS. Raises DamagedRowError."""
    _, identifier, text, etag, updated_at = row
    try:
        document = document_from(text)
        if document.get("id") != identifier:
            raise ValueError(f"its id is {document.get('id')!r}")
    except (ValueError, TypeError) as error:
        raise DamagedRowError(
            f"the stored document {identifier} is damaged ({error}): remove it with "
            f"`llmproxy {table} remove {identifier}` and import it again"
        ) from error
    return StoredDocument(identifier, document, etag, updated_at)
