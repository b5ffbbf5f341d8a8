"""Cosmos DB's emulator, proven by azure-cosmos itself."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.core.credentials import AccessToken, TokenCredential
from azure.cosmos import ContainerProxy, CosmosClient, PartitionKey
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosHttpResponseError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from tests.emulator.running import WRONG_KEY, Emulator, emulator, missing

REASON = missing()
pytestmark = [
    pytest.mark.skipif(
        REASON is not None and os.environ.get("CI") != "true",
        reason=f"Cosmos DB's emulator: {REASON}",
    ),
    # The SDK does not verify certificates of 127.0.0.1; its client for threads says so each time.
    pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning"),
]


class Token(TokenCredential):
    """Always the same token."""

    def __init__(self, token: str) -> None:
        self.token = token

    def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        return AccessToken(self.token, 2**31)


@pytest.fixture(name="running", scope="module")
def _running() -> Iterator[Emulator]:
    with emulator(token="good") as running:
        yield running


@pytest.fixture(name="container")
def _container(running: Emulator, request: pytest.FixtureRequest) -> Iterator[ContainerProxy]:
    with CosmosClient(running.url, running.key) as client:
        database = client.create_database(str(abs(hash(request.node.name))))
        yield database.create_container("models", PartitionKey("/provider"), default_ttl=-1)


def item(name: str, provider: str = "a", **fields: object) -> dict[str, Any]:
    """Return an item."""
    return {"id": name, "provider": provider, **fields}


def feed(container: ContainerProxy, token: str | None, size: int = 100) -> tuple[list[str], str]:
    """Return the ids that are new, and where to go on."""
    start = {"continuation": token} if token else {"start_time": "Beginning"}
    pages = container.query_items_change_feed(max_item_count=size, **start).by_page()
    ids = [each["id"] for page in pages for each in page]
    return ids, pages.continuation_token or token or ""


def test_items_are_kept_by_partition(container: ContainerProxy) -> None:
    """The same id twice in one partition is refused, in two it is not."""
    container.create_item(item("x", n=1))
    container.create_item(item("x", "b", n=2))

    with pytest.raises(CosmosResourceExistsError):
        container.create_item(item("x"))
    assert container.read_item("x", "a")["n"] == 1
    assert container.read_item("x", "b")["n"] == 2
    with pytest.raises(CosmosResourceNotFoundError):
        container.read_item("x", "c")


def test_queries_see_all_partitions_or_one(container: ContainerProxy) -> None:
    """With a partition key only what is in it."""
    for name, provider in (("x", "a"), ("x", "b"), ("y", "b")):
        container.create_item(item(name, provider))
    text = "SELECT * FROM c WHERE c.id = @id"
    id_x: list[dict[str, object]] = [{"name": "@id", "value": "x"}]

    everywhere = container.query_items(text, parameters=id_x, enable_cross_partition_query=True)
    assert sorted(each["provider"] for each in everywhere) == ["a", "b"]
    assert [each["id"] for each in container.query_items("SELECT * FROM c", partition_key="a")] == [
        "x"
    ]


def test_an_etag_guards_a_change(container: ContainerProxy) -> None:
    """It is quoted as the service quotes it, and a stale one is refused."""
    first = container.create_item(item("x"))
    assert first["_etag"].startswith('"')

    def change(etag: str) -> Mapping[str, Any]:
        return container.replace_item(
            "x", item("x", n=1), etag=etag, match_condition=MatchConditions.IfNotModified
        )

    second = change(first["_etag"])
    assert second["_etag"] != first["_etag"]
    with pytest.raises(CosmosAccessConditionFailedError):
        change(first["_etag"])


def test_the_change_feed_tells_what_is_new(container: ContainerProxy) -> None:
    """Everything from the beginning, page by page, then each changed item once as it is now."""
    for name in "abc":
        container.create_item(item(name))
    ids, token = feed(container, None, size=2)
    assert ids == ["a", "b", "c"]
    assert feed(container, token) == ([], token)

    container.upsert_item(item("b", n=1))
    container.upsert_item(item("b", n=2))
    container.create_item(item("d"))
    ids, later = feed(container, token)
    assert ids == ["b", "d"]
    assert feed(container, later)[0] == []


@pytest.mark.parametrize("credential", [WRONG_KEY, Token("bad")], ids=["key", "token"])
def test_a_wrong_credential_is_refused(running: Emulator, credential: str | Token) -> None:
    """With 401, at the first question."""
    with pytest.raises(CosmosHttpResponseError) as caught, CosmosClient(running.url, credential):
        pytest.fail("the emulator let a wrong credential in")
    assert caught.value.status_code == 401


def test_a_token_opens_items_and_makes_no_container(
    running: Emulator, container: ContainerProxy
) -> None:
    """Entra ID's roles of the data plane do not reach databases and containers."""
    container.create_item(item("x"))
    with CosmosClient(running.url, Token("good")) as client:
        name = container.container_link.split("/")[1]
        database = client.get_database_client(name)
        assert database.get_container_client("models").read_item("x", "a")["id"] == "x"
        with pytest.raises(CosmosHttpResponseError) as caught:
            database.create_container("more", PartitionKey("/provider"))
    assert (caught.value.status_code, caught.value.sub_status) == (403, 5300)


def test_faults_are_seen_by_the_sdk(running: Emulator, container: ContainerProxy) -> None:
    """One that is asked for happens, as often as it was asked for."""
    container.create_item(item("x"))
    running.seen()
    running.fail(status=449, method="GET", path="/docs/x")

    with pytest.raises(CosmosHttpResponseError) as caught:
        container.read_item("x", "a")
    assert caught.value.status_code == 449
    assert container.read_item("x", "a")["id"] == "x"
    assert [each["method"] for each in running.seen() if "/docs/x" in each["url"]] == ["GET"] * 2


def test_away_and_back_keeps_what_was_there(running: Emulator, container: ContainerProxy) -> None:
    """The same client goes on."""
    container.create_item(item("x"))
    running.away(on=True)
    with pytest.raises(Exception, match=r"(?i)connect"):
        container.read_item("x", "a")
    running.away(on=False)
    assert container.read_item("x", "a")["id"] == "x"
