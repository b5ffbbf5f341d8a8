"""Where providers depart from LiteLLM's general way, or LiteLLM from its own."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec
from typing_extensions import override

from llmproxy.infra.providers.long_tail.dialect import Asked, JsonDict, Made, Parse
from llmproxy.infra.providers.long_tail.document import Said
from llmproxy.infra.providers.long_tail.importing import Foreign
from llmproxy.infra.providers.long_tail.plain import Plain
from llmproxy.infra.providers.long_tail.prepared import Prepared
from llmproxy.infra.providers.long_tail.readers import object_of
from llmproxy.infra.providers.openai_wire.endpoints import Incomplete

_encode = msgspec.json.Encoder().encode


class Mistral(Plain):
    """Mistral's own platform. Of several texts in one answer LiteLLM keeps the last only."""

    @override
    def _address(self) -> str:
        return self._said.endpoint or "https://api.mistral.ai/v1"

    @override
    def answer(self, made: Made, body: bytes) -> Foreign:
        said = object_of(body)
        messages = [choice["message"] for choice in said.get("choices") or ()]
        lists = [each for each in messages if isinstance(each.get("content"), list)]
        for message in lists:
            message["content"] = _joined(message["content"])
        return super().answer(made, _encode(said) if lists else body)


def _joined(content: list[JsonDict]) -> list[JsonDict]:
    """Return what was thought in one part and what was said in another one.

    Between texts stand references to their sources, as `docs.mistral.ai/capabilities/citations`
    shows them; OpenAI's chat completions have no place for these.
    """
    thoughts = [part for each in content for part in each.get("thinking") or ()]
    thought = "".join(part["text"] for part in thoughts if part["type"] == "text")
    text = "".join(each["text"] for each in content if each["type"] == "text")
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": thought}]}
    return [*([thinking] if thought else []), {"type": "text", "text": text}]


class Cohere(Plain):
    """Cohere's API version 2. Its events name themselves inside, and LiteLLM looks outside."""

    @override
    def _address(self) -> str:
        root = self._said.endpoint or "https://api.cohere.com"
        return root if root.endswith("/chat") else f"{root.removesuffix('/v2')}/v2/chat"

    @override
    def _parse(self, made: Made) -> Parse:
        parse = super()._parse(made)

        def outside(event: JsonDict) -> Foreign:
            return parse({**event, "event": event.get("type", ""), "data": event})

        return outside


class Databricks(Plain):
    """Model serving of a workspace, with a personal access token or another bearer token.

    LiteLLM would prefer an OAuth application of the environment and fetch a token for it.
    """

    @override
    def _address(self) -> str:
        root = self._said.need_endpoint("https://adb-1.2.azuredatabricks.net/serving-endpoints")
        return root if urlsplit(root).path else f"{root}/serving-endpoints"

    @override
    def _headers(self, asked: Asked, optional: JsonDict) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}


class WatsonX(Plain):
    """IBM watsonx.ai. The payload is made as in `llms/watsonx/chat/handler.py`."""

    @override
    def _known_key(self) -> str:
        """Return what stands in the header; an IAM token comes from `credentials/ibm.py`."""
        token, zen = self._said.text("token"), self._said.text("zen_api_key")
        if token:
            return f"Bearer {token}"
        if zen:
            return f"ZenApiKey {zen}"
        self._said.need_key()
        return ""

    @override
    def _address(self) -> str:
        return self._said.need_endpoint("https://us-south.ml.cloud.ibm.com")

    @override
    def _headers(self, asked: Asked, optional: JsonDict) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        return {**headers, "Authorization": self._key} if self._key else headers

    @override
    def _data(self, asked: Asked, optional: JsonDict, headers: dict[str, str]) -> JsonDict:
        data = super()._data(asked, optional, headers)
        if self.model.startswith("deployment/"):
            del data["model"]
            return data
        data["model_id"] = data.pop("model")
        project = self._said.text("project_id") or self._said.text("watsonx_project")
        if project:
            data["project_id"] = project
        else:
            data["space_id"] = self._said.need("space_id")
        return data


PLAIN: Final[Mapping[str, type[Plain]]] = {
    "cohere": Cohere,
    "cohere_chat": Cohere,
    "databricks": Databricks,
    "mistral": Mistral,
    "watsonx": WatsonX,
}


def plain(prepared: Prepared, said: Said) -> Plain:
    """Return the dialect of a provider. Raises Incomplete."""
    if not hasattr(prepared.config, "transform_request"):
        raise Incomplete(f"parameters.litellm_model: {prepared.provider} has no chat translator")
    return PLAIN.get(prepared.provider, Plain)(prepared, said)
