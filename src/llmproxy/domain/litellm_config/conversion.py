"""The whole config: documents, and remarks on everything else."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from llmproxy.domain.document import DocumentError, parse_model
from llmproxy.domain.litellm_config.deployment import Deployments
from llmproxy.domain.litellm_config.references import References
from llmproxy.domain.litellm_config.remarks import NotTakenError, Remark, Remarks
from llmproxy.domain.litellm_config.settings import remark_settings

_MAX_ENTRIES: Final = 10_000


class Conversion(NamedTuple):
    """Documents that `parse_model` takes, in the order of the config, and what is to be said."""

    documents: list[dict[str, object]]
    remarks: list[Remark]


class ConfigError(ValueError):
    """It is no config of LiteLLM's; the message says what is missing."""


def convert(config: object) -> Conversion:
    """Turn a config (YAML as Python values) into documents. Raises ConfigError.

    No secret that stands in the config is in the documents or in the remarks.
    """
    if not isinstance(config, Mapping) or not isinstance(config.get("model_list"), list):
        raise ConfigError("a config of LiteLLM's is an object with a `model_list`")
    entries = config["model_list"]
    if len(entries) > _MAX_ENTRIES:
        raise ConfigError(f"more than {_MAX_ENTRIES:,} entries in `model_list`")
    remarks = Remarks()
    deployments = Deployments(config, References(config, remarks), remarks)
    documents: list[dict[str, object]] = []
    for index, entry in enumerate(entries):
        document = _taken(deployments, entry, index, remarks)
        if document is not None:
            documents.append(document)
    documents += _aliases(config.get("router_settings"), documents, remarks)
    remark_settings(config, remarks)
    if documents:
        remarks.changed(
            "model_list",
            "every model is public: whoever has a key may use it. Limit keys with --models, or make"
            ' documents "private" for projects',
        )
    return Conversion(documents, remarks.all)


def _taken(
    deployments: Deployments, entry: object, index: int, remarks: Remarks
) -> dict[str, object] | None:
    """Return the document of an entry, checked; None when it is not taken, which is remarked."""
    name = entry.get("model_name") if isinstance(entry, Mapping) else None
    place = f"model_list[{index}] ({name})" if name else f"model_list[{index}]"
    try:
        document = deployments.document(entry, index)
        parse_model(document)
    except NotTakenError as error:
        remarks.to_do(place, f"not imported: {error}")
        return None
    except DocumentError as error:
        remarks.to_do(place, f"not imported: {error}")
        return None
    return document


def _aliases(
    router: object, documents: list[dict[str, object]], remarks: Remarks
) -> list[dict[str, object]]:
    """Return a document under another code for every alias of a group of models."""
    aliases = router.get("model_group_alias") if isinstance(router, Mapping) else None
    found: list[dict[str, object]] = []
    taken = {document["id"] for document in documents}
    for alias, said in aliases.items() if isinstance(aliases, Mapping) else ():
        place = f"router_settings.model_group_alias.{alias}"
        group = said.get("model") if isinstance(said, Mapping) else said
        copies = [
            document | {"id": f"{document['id']}-as-{alias}", "code": alias}
            for document in documents
            if document["code"] == group
        ]
        copies = [copy for copy in copies if _is_good(copy) and copy["id"] not in taken]
        if not copies:
            remarks.to_do(place, f"not imported: no document has the code {group}")
            continue
        found += copies
        remarks.changed(place, f"{len(copies)} more documents have this code")
    return found


def _is_good(document: dict[str, object]) -> bool:
    try:
        parse_model(document)
    except DocumentError:
        return False
    return True
