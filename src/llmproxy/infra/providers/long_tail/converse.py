"""Amazon Bedrock's Converse API.

LiteLLM's handler for it is its own; the steps are those of litellm 1.110.2
`llms/bedrock/chat/converse_handler.py`. Requests are signed with an access key of the document
(AWS Signature Version 4), or carry a Bedrock API key. Nothing is taken from the surroundings: no
profile, no role of the machine.
"""

import re
from importlib import import_module
from typing import Final

import msgspec
from typing_extensions import override

from llmproxy.infra.providers.long_tail.dialect import Asked, Dialect, JsonDict, Made
from llmproxy.infra.providers.long_tail.document import Said
from llmproxy.infra.providers.long_tail.importing import Foreign, part
from llmproxy.infra.providers.long_tail.prepared import Prepared
from llmproxy.infra.providers.long_tail.readers import AwsReader, object_of
from llmproxy.infra.providers.long_tail.understanding import mapped
from llmproxy.infra.providers.long_tail.whole import whole_answer
from llmproxy.infra.providers.openai_wire.endpoints import Incomplete
from llmproxy.infra.providers.translated.chat_chunks import ChatChunks
from llmproxy.infra.providers.translated.translation import Reader

_REGION: Final = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d{1,2}")
_ROUTES: Final = ("converse/", "nova-2/", "nova/")
_encode = msgspec.json.Encoder().encode


class Converse(Dialect):
    """One model in one region."""

    def __init__(self, prepared: Prepared, said: Said) -> None:
        if type(prepared.config).__name__ != "AmazonConverseConfig":
            raise Incomplete(
                "parameters.litellm_model: this model has another API at Bedrock than Converse,"
                " which is the only one that is called; bedrock/converse/… asks for it"
            )
        self.model = prepared.model
        self._config = prepared.config
        self._region = _region(said)
        self._token = said.key.expose() if said.key is not None else ""
        self._credentials = None if self._token else _credentials(said)
        self._handler = part("llms.bedrock.chat.converse_handler", "BedrockConverseLLM")()
        self._decoder = part("llms.bedrock.chat.invoke_handler", "AWSEventStreamDecoder")
        self._url = f"{said.endpoint or _root(self._region)}/model/{_model_id(self.model, said)}"

    @override
    def request(self, asked: Asked) -> Made:
        optional = mapped(self._config, self.model, asked.fields)
        json_mode = optional.get("json_mode") is True
        whole = asked.stream and bool(
            optional.pop("fake_stream", False)
            or self._config.should_fake_stream(
                model=self.model, stream=True, custom_llm_provider="bedrock"
            )
        )
        data: JsonDict = self._config.transform_request(
            model=self.model,
            messages=asked.messages,
            optional_params=dict(optional),
            litellm_params={},
            headers={},
        )
        body = _encode(data)
        streamed = asked.stream and not whole
        url = f"{self._url}/converse-stream" if streamed else f"{self._url}/converse"
        signed = self._handler.get_request_headers(
            credentials=self._credentials,
            aws_region_name=self._region,
            extra_headers=None,
            endpoint_url=url,
            data=body,
            headers={"Content-Type": "application/json"},
            # An empty one keeps it from looking into the environment.
            api_key=self._token,
        )
        headers = {name: str(value) for name, value in signed.headers.items()}
        return Made(url, headers, body, optional, asked.messages, data, json_mode, whole)

    @override
    def answer(self, made: Made, body: bytes) -> Foreign:
        return whole_answer(self._config.transform_response, self.model, made, body, {})

    @override
    def reader(self, made: Made, chunks: ChatChunks) -> Reader:
        decoder = self._decoder(model=self.model, json_mode=made.json_mode)
        buffer = import_module("botocore.eventstream").EventStreamBuffer()
        return AwsReader(chunks, buffer, lambda payload: decoder.chunk_parser(object_of(payload)))


def _region(said: Said) -> str:
    region = said.need("aws_region_name", "region_name")
    if not _REGION.fullmatch(region):
        raise Incomplete("parameters.aws_region_name must be a region such as eu-central-1")
    return region


def _root(region: str) -> str:
    """Return the public address (docs.aws.amazon.com/general/latest/gr/bedrock.html)."""
    end = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://bedrock-runtime.{region}.{end}"


def _model_id(model: str, said: Said) -> str:
    """Return what the URL calls the model: `model_id` (an ARN) or the name without its route."""
    written = said.text("model_id") or model
    for route in _ROUTES:
        written = written.removeprefix(route)
    encoded: str = part("llms.bedrock.base_aws_llm", "BaseAWSLLM").encode_model_id(written)
    return encoded


def _credentials(said: Said) -> Foreign:
    access_key, secret_key = said.text("aws_access_key_id"), said.text("aws_secret_access_key")
    if not access_key or not secret_key:
        raise Incomplete(
            "parameters.secret_name (a Bedrock API key) is missing, or both"
            " aws_access_key_id_secret_name and aws_secret_access_key_secret_name"
        )
    make = import_module("botocore.credentials").Credentials
    return make(access_key, secret_key, said.text("aws_session_token"))
