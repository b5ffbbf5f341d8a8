"""Providers whose translator follows LiteLLM's own pattern from end to end.

The order of the steps is that of litellm 1.110.2 `llms/custom_httpx/llm_http_handler.py`
(`completion`), which LiteLLM sends most providers through; what differs by provider is that of
`main.py` and of the provider's handler.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

import msgspec
from typing_extensions import override

from llmproxy.infra.providers.long_tail.dialect import (
    Asked,
    Dialect,
    JsonDict,
    Made,
    Parse,
    Silent,
)
from llmproxy.infra.providers.long_tail.document import Said
from llmproxy.infra.providers.long_tail.failures import in_stream
from llmproxy.infra.providers.long_tail.importing import Foreign, part
from llmproxy.infra.providers.long_tail.prepared import Prepared
from llmproxy.infra.providers.long_tail.readers import FAILED, EventReader, LineReader
from llmproxy.infra.providers.long_tail.understanding import mapped
from llmproxy.infra.providers.long_tail.whole import whole_answer
from llmproxy.infra.providers.translated.chat_chunks import ChatChunks
from llmproxy.infra.providers.translated.translation import Reader

_encode = msgspec.json.Encoder().encode
KEYLESS: Final = frozenset(
    (
        "docker_model_runner",
        "hosted_vllm",
        "lemonade",
        "llamafile",
        "lm_studio",
        "ollama",
        "ollama_chat",
        "oobabooga",
        "xinference",
    )
)
"""Servers that are run without a key."""
NO_KEY: Final = "none"
"""Said instead of a key: without any, LiteLLM looks for one in the environment."""
LINES: Final = frozenset(("ollama", "ollama_chat"))
"""Providers that stream a JSON object per line instead of events."""


class Plain(Dialect):
    """A provider that LiteLLM calls by its general handler."""

    def __init__(self, prepared: Prepared, said: Said) -> None:
        self.model = prepared.model
        self._provider = prepared.provider
        self._config = prepared.config
        self._said = said
        self._key = self._known_key()
        self._root = self._address()
        # LiteLLM's defaults for these are read from the environment.
        self._options: JsonDict = {
            **said.options,
            "api_base": self._root,
            "api_key": self._key,
            # Without it LiteLLM guesses from the names, which takes longer than all the rest.
            "custom_llm_provider": prepared.provider,
        }
        for name in ("project_id", "region_name", "extra_body"):
            self._options.pop(name, None)
        extra = said.options.get("extra_body")
        self._extra: Mapping[str, object] = extra if isinstance(extra, dict) else {}

    def _known_key(self) -> str:
        if self._said.key is None and self._provider in KEYLESS:
            return NO_KEY
        return self._said.need_key()

    def _address(self) -> str | None:
        """Return what LiteLLM calls `api_base`."""
        if self._said.endpoint:
            return self._said.endpoint
        name = f"{self._provider}/{self.model}"
        find = part("litellm_core_utils.get_llm_provider_logic", "get_llm_provider")
        _, _, _, root = find(model=name, api_key=self._key)
        return root if isinstance(root, str) else None

    def _headers(self, asked: Asked, optional: JsonDict) -> dict[str, str]:
        made: dict[str, str] = self._config.validate_environment(
            headers={},
            model=self.model,
            messages=asked.messages,
            optional_params=optional,
            litellm_params=self._options,
            api_key=self._key,
            api_base=self._root,
        )
        return made

    def _data(self, asked: Asked, optional: JsonDict, headers: dict[str, str]) -> JsonDict:
        data: JsonDict = self._config.transform_request(
            model=self.model,
            messages=asked.messages,
            optional_params=optional,
            litellm_params=dict(self._options),
            headers=headers,
        )
        return data

    @override
    def request(self, asked: Asked) -> Made:
        config = self._config
        fields = {**asked.fields, "stream": True} if asked.stream else asked.fields
        optional = mapped(config, self.model, fields)
        json_mode = bool(optional.pop("json_mode", False))
        whole = bool(optional.pop("fake_stream", False)) or config.should_fake_stream(
            model=self.model, stream=asked.stream, custom_llm_provider=self._provider
        )
        headers = self._headers(asked, optional)
        streamed = asked.stream and not whole and not config.has_custom_stream_wrapper
        url = config.get_complete_url(
            api_base=self._root,
            api_key=self._key,
            model=self.model,
            # It takes `api_version` out of these.
            optional_params={**optional, **self._options},
            litellm_params=self._options,
            stream=streamed,
        )
        data = {**self._data(asked, optional, headers), **self._extra}
        data.pop("stream", None)
        if streamed and config.supports_stream_param_in_request_body:
            data["stream"] = True
        headers, signed = config.sign_request(
            headers=headers,
            optional_params={**optional, **self._options},
            request_data=data,
            api_base=url,
            api_key=self._key,
            model=self.model,
            stream=streamed,
            fake_stream=whole,
        )
        body = _encode(data) if signed is None else signed
        return Made(
            url,
            headers,
            body,
            optional,
            asked.messages,
            data,
            json_mode,
            asked.stream and not streamed,
        )

    @override
    def answer(self, made: Made, body: bytes) -> Foreign:
        if FAILED.search(body):
            raise in_stream(None, body)
        return whole_answer(
            partial(self._config.transform_response, api_key=self._key),
            self.model,
            made,
            body,
            self._options,
        )

    def _parse(self, made: Made) -> Parse:
        iterator = self._config.get_model_response_iterator_for_request(
            streaming_response=iter(()),
            sync_stream=True,
            json_mode=made.json_mode,
            optional_params=made.optional,
            logging_obj=Silent(made.optional),
        )
        parse: Parse = iterator.chunk_parser
        return parse

    @override
    def reader(self, made: Made, chunks: ChatChunks) -> Reader:
        if self._provider in LINES:
            return LineReader(chunks, self._parse(made))
        return EventReader(chunks, self._parse(made))
