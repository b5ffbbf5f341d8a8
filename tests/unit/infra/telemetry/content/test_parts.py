"""What is told of pictures and files, whatever stands where an address should."""

import json

import pytest

from tests.unit.infra.telemetry.content.test_conversation import user


@pytest.mark.parametrize(
    "url",
    [
        "data:text/plain,the secret words",
        "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'><text>secret</text></svg>",
        "DATA:text/html;charset=utf-8,see https://secret.example",
        "secret words with https://an.address",
        "data:secret words",
        "data:" + "secret/" * 20 + ",x",
    ],
)
def test_addresses_that_are_the_content(url: str) -> None:
    """Nothing of a URL that holds its content is told, nor of a text that is no address."""
    parts = [
        {"type": "image_url", "image_url": {"url": url}},
        {"type": "file", "file": {"file_data": url}},
    ]
    for told in user(*parts):
        assert told["type"] == "blob"
        assert told["mime_type"] in {None, "text/plain", "image/svg+xml", "text/html"}
        assert "secret" not in json.dumps(told)
