"""One entry of `model_list` as a document."""

import re
from collections.abc import Mapping
from typing import Final

from llmproxy.domain.litellm_config.costs import costs_of, is_price
from llmproxy.domain.litellm_config.operations import operations_of
from llmproxy.domain.litellm_config.parameters import Params, parameters_of
from llmproxy.domain.litellm_config.providers import kind_of, named_provider
from llmproxy.domain.litellm_config.references import References
from llmproxy.domain.litellm_config.remarks import NotTakenError, Remarks

_NOT_IN_AN_ID: Final = re.compile(r"[^A-Za-z0-9._:@+-]+")
_TOLD_ELSEWHERE: Final = frozenset({"id", "mode"})
_ABOUT_THE_MODEL: Final = re.compile(
    r"supports_|max_(input_)?tokens$|litellm_provider$|key$|tier$|db_model$|(created|updated)_"
)
"""What LiteLLM only shows or checks before it calls; nothing is lost without it."""
_INFO: Final[Mapping[str, str]] = {
    "access_groups": 'give a key its models with --models, or make this one "private" for projects',
    "team_id": 'make the model "private": true with "projects": [the team]',
    "team_public_model_name": "callers use `code`",
    "base_model": "prices stand in the document's `costs`",
    "health_check_model": "`llmproxy models check` asks the model itself",
    "health_check_timeout": "`llmproxy models check --timeout` says how long",
    "blocked": "remove the document instead",
}


class Deployments:
    """Reads the entries; what they share (names of secrets, ids) is kept between them."""

    def __init__(
        self, config: Mapping[str, object], references: References, remarks: Remarks
    ) -> None:
        self._references = references
        self._remarks = remarks
        self._ids: set[str] = set()
        settings = config.get("litellm_settings")
        self._drop = isinstance(settings, Mapping) and settings.get("drop_params") is True
        self._credentials = _credentials(config.get("credential_list"))

    def document(self, entry: object, index: int) -> dict[str, object]:
        """Return the document of one entry. Raises NotTakenError."""
        values = entry if isinstance(entry, Mapping) else {}
        code, params = values.get("model_name"), values.get("litellm_params")
        if not isinstance(code, str) or not code or not isinstance(params, Mapping):
            raise NotTakenError("needs `model_name` and `litellm_params`")
        model = params.get("model")
        if not isinstance(model, str) or not model:
            raise NotTakenError("litellm_params.model is missing")
        if "*" in code or "*" in model:
            raise NotTakenError("wildcards are not known here: write one document for each model")
        place = f"model_list[{index}] ({code})"
        info = values.get("model_info")
        return self._document(place, code, params, info if isinstance(info, Mapping) else {})

    def _document(
        self, place: str, code: str, params: Mapping[str, object], info: Mapping[str, object]
    ) -> dict[str, object]:
        fields = Params(
            self._with_credential(place, params),
            f"{place}.litellm_params",
            self._references,
            self._remarks,
        )
        written = str(fields.take("model"))
        provider, model = named_provider(written, fields.take("custom_llm_provider"))
        if not provider:
            raise NotTakenError("whose model this is cannot be told: write provider/model")
        kind, tested = kind_of(provider, model)
        operations = operations_of(info.get("mode"), model, responses=kind.responses)
        prices = self._prices(place, fields, info)
        parameters = parameters_of(fields, provider, model, kind)
        if self._drop and kind.model_type not in ("OpenAI", "AzureOpenAI"):
            parameters["drop_unsupported"] = True
        if not tested:
            self._remarks.to_do(
                place, f"{provider} goes through LiteLLM's translator and was never tried: try it"
            )
        self._remark_info(place, info)
        return {
            "id": self._identifier(info.get("id"), code, provider),
            "code": code,
            "name": f"{code} ({written})",
            "projects": [],
            "private": False,
            "provider": kind.provider,
            "model_type": kind.model_type,
            "parameters": parameters,
            **costs_of(prices, operations, place, self._remarks),
            "operations": operations,
        }

    def _with_credential(self, place: str, params: Mapping[str, object]) -> dict[str, object]:
        """Put the values of a named credential under those of the entry."""
        own = {name: value for name, value in params.items() if name != "litellm_credential_name"}
        name = params.get("litellm_credential_name")
        if name is None:
            return own
        found = self._credentials.get(str(name))
        if found is None:
            raise NotTakenError(f"credential_list holds no {name}")
        self._remarks.changed(
            f"{place}.litellm_params.litellm_credential_name", "its values stand in the document"
        )
        return {**found, **own}

    def _prices(
        self, place: str, fields: Params, info: Mapping[str, object]
    ) -> dict[str, tuple[str, object]]:
        """Gather the prices of both places; those of `litellm_params` come first at LiteLLM too."""
        found = {
            str(name): (f"{place}.model_info.{name}", value)
            for name, value in info.items()
            if is_price(str(name)) and value is not None
        }
        for name in [each for each in fields.left if is_price(each)]:
            found[name] = (fields.place(name), fields.take(name))
        return found

    def _remark_info(self, place: str, info: Mapping[str, object]) -> None:
        for name, value in info.items():
            word = str(name)
            if value is None or word in _TOLD_ELSEWHERE or is_price(word):
                continue
            if not _ABOUT_THE_MODEL.match(word):
                told = _INFO.get(word, "has no place in a document")
                self._remarks.left_out(f"{place}.model_info.{word}", told)

    def _identifier(self, given: object, code: str, provider: str) -> str:
        """Return LiteLLM's own id where there is one, else one made of the name."""
        if isinstance(given, str | int) and not isinstance(given, bool) and str(given):
            wanted = _slug(str(given))
        else:
            wanted = _slug(code)
            if wanted in self._ids:
                wanted = f"{wanted}-{_slug(provider)}"
        name, count = wanted, 1
        while name in self._ids:
            count += 1
            name = f"{wanted}-{count}"
        self._ids.add(name)
        return name


def _slug(text: str) -> str:
    return _NOT_IN_AN_ID.sub("-", text).strip("-")[:200] or "model"


def _credentials(listed: object) -> dict[str, Mapping[str, object]]:
    found: dict[str, Mapping[str, object]] = {}
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, Mapping) and isinstance(each.get("credential_values"), Mapping):
            found[str(each.get("credential_name"))] = each["credential_values"]
    return found
