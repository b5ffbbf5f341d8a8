"""Etags as headers."""

import pytest

from llmproxy.infra.controllers.admin.preconditions import etag_header


@pytest.mark.parametrize(
    ("etag", "header"),
    [
        ("0d21f385", '"0d21f385"'),
        ('"0000d826-0000-0d00-0000-5e1f1e2e0000"', '"0000d826-0000-0d00-0000-5e1f1e2e0000"'),
    ],
)
def test_an_etag_stands_in_quotes_once(etag: str, header: str) -> None:
    """SQLite's have none, Cosmos DB's `_etag` has them already."""
    assert etag_header(etag) == header
