"""What a new data folder is given, so that the first request works with no account anywhere."""

from pathlib import Path

from llmproxy.application.interfaces.document_repository import DocumentRepository

JOURNAL_FOLDER = "journal"
ECHO = {
    "id": "echo",
    "name": "Echo: answers with what it was sent",
    "provider": "Local",
    "model_type": "Echo",
    "projects": [],
    "private": False,
    "parameters": {},
    "costs": {},
    "free": True,
    "operations": ["ChatCompletion", "Responses", "embeddings", "moderations"],
}


async def register_echo(data_dir: Path, models: DocumentRepository, now: float) -> None:
    """Register the echo model if nothing was ever served from this folder and no model is there.

    For a store that is this installation's own. The journal's folder is the mark of a gateway that
    has run: an echo model that was removed later stays removed.
    """
    if not (data_dir / JOURNAL_FOLDER).exists() and not await models.load_all():
        await models.put(ECHO, at=now)
