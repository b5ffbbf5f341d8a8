"""Opening an account and making its containers."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from azure.core.credentials import AccessToken
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import ClientAuthenticationError
from azure.cosmos import PartitionKey
from typing_extensions import override

from llmproxy.application.interfaces.store import StoreUnusableError
from llmproxy.domain.errors import Unavailable
from llmproxy.domain.secret import Secret
from llmproxy.infra.database.cosmos.account import CosmosAccount, CosmosPlace
from llmproxy.infra.database.cosmos.document_repository import CosmosDocumentRepository
from llmproxy.infra.database.cosmos.initialise import (
    USAGE_INDEXING,
    Made,
    commands,
    initialise,
)
from llmproxy.infra.database.cosmos.shelf import models_shelf
from tests.contract.cosmos_places import place
from tests.fakes.documents import document

pytestmark = pytest.mark.asyncio


class Identity(AsyncTokenCredential):
    """Entra ID, which gives a token or none."""

    def __init__(self, token: str | None) -> None:
        self.token = token
        self.scopes: set[str] = set()
        self.closed = False

    @override
    async def get_token(self, *scopes: str, **_options: Any) -> AccessToken:
        self.scopes.update(scopes)
        if self.token is None:
            raise ClientAuthenticationError("no credential was found\nwith details")
        return AccessToken(self.token, 2**31)

    @override
    async def close(self) -> None:
        self.closed = True

    @override
    async def __aexit__(self, *_reason: object) -> None:
        await self.close()


@pytest_asyncio.fixture(name="account")
async def _account() -> AsyncIterator[CosmosAccount]:
    account = await CosmosAccount.open(place())
    yield account
    await account.close()


async def test_everything_is_made_once(account: CosmosAccount) -> None:
    """Database and containers, with a time to live for tombstones; then they are there."""
    with pytest.raises(StoreUnusableError, match="llmproxy registry init"):
        await account.check()

    name = account.place.database
    assert await initialise(account) == [
        Made(f"database {name}", new=True),
        Made("container models", new=True),
        Made("container keys", new=True),
        Made("container usage", new=True),
    ]
    assert [each.new for each in await initialise(account)] == [False] * 4
    await account.check()
    properties = await account.models.read()
    assert properties["defaultTtl"] == -1
    assert properties["partitionKey"]["paths"] == ["/provider"]
    excluded = {each["path"] for each in properties["indexingPolicy"]["excludedPaths"]}
    assert excluded >= {"/parameters/*", "/costs/*"}
    properties = await account.usage.read()
    assert properties["defaultTtl"] == -1
    assert properties["partitionKey"]["paths"] == ["/partition"]
    policy = properties["indexingPolicy"]
    assert [each["path"] for each in policy["excludedPaths"]][:1] == ["/*"]
    included = {each["path"] for each in policy["includedPaths"]}
    assert included >= {"/partition/?", "/kind/?", "/folded/?", "/at/?", "/tags/[]/?"}


async def test_the_container_of_an_older_version_is_missing(account: CosmosAccount) -> None:
    """A registry from before there was a ledger: the start says which command makes the rest."""
    await initialise(account)
    await account.database.delete_container("usage")

    with pytest.raises(StoreUnusableError, match=r"no container usage .*llmproxy registry init"):
        await account.check()
    assert [each.new for each in await initialise(account)] == [False, False, False, True]
    await account.check()


async def test_calls_stay_where_nothing_ends_them(account: CosmosAccount) -> None:
    """A container of usage without a default time to live is remarked on."""
    database = await account.client.create_database(account.place.database)
    await database.create_container("usage", PartitionKey("/partition"))

    assert "single calls will stay" in (await initialise(account))[-1].remark


async def test_one_missing_container_is_made(account: CosmosAccount) -> None:
    """And one that somebody else made without a time to live is remarked on."""
    database = await account.client.create_database(account.place.database)
    await database.create_container("models", PartitionKey("/provider"))

    made = await initialise(account)

    assert [each.new for each in made] == [False, False, True, True]
    assert "tombstones will stay" in made[1].remark


async def test_a_container_with_another_partition_key_is_refused(account: CosmosAccount) -> None:
    """By the command that makes them and at the start."""
    database = await account.client.create_database(account.place.database)
    await database.create_container("models", PartitionKey("/id"))

    with pytest.raises(StoreUnusableError, match="/provider"):
        await initialise(account)
    with pytest.raises(StoreUnusableError, match="/provider"):
        await account.check()


async def test_a_key_that_is_none_is_refused() -> None:
    """Without showing it."""
    with pytest.raises(StoreUnusableError, match="COSMOS_KEY") as caught:
        await CosmosAccount.open(place(key="not base64!"))
    assert "not base64!" not in str(caught.value)


async def test_an_identity_opens_documents_and_makes_no_container(account: CosmosAccount) -> None:
    """Entra ID's roles do not reach that far: the message has the commands that do."""
    await initialise(account)
    identity = Identity("token")
    theirs = await CosmosAccount.open(account.place._replace(key=None), credential=identity)
    await theirs.check()
    await CosmosDocumentRepository(models_shelf(theirs)).put(document(), at=1)
    assert identity.scopes == {"https://127.0.0.1/.default"}
    elsewhere = await CosmosAccount.open(
        account.place._replace(key=None, database=uuid4().hex), credential=Identity("token")
    )

    with pytest.raises(StoreUnusableError) as caught:
        await initialise(elsewhere)

    lines = [line.strip() for line in str(caught.value).splitlines()[1:]]
    assert [line.split(" --")[0] for line in lines] == [
        "az cosmosdb sql database create",
        "az cosmosdb sql container create",
        "az cosmosdb sql container create",
        "az cosmosdb sql container create",
    ]
    assert "--partition-key-path /provider --ttl -1" in lines[1]
    assert "--partition-key-path /kind --ttl -1" in lines[2]
    assert "--partition-key-path /partition --ttl -1" in lines[3]
    assert json.loads(lines[3].partition("--idx '")[2].rstrip("'")) == USAGE_INDEXING
    await theirs.close()
    await elsewhere.close()
    assert identity.closed


async def test_the_page_has_the_commands() -> None:
    """docs/cosmos.md shows what the message shows."""
    there = CosmosPlace(
        "https://my-account.documents.azure.com:443/", Secret("a2V5"), "llm-proxy", "models", "keys"
    )
    account = await CosmosAccount.open(there)
    page = (Path(__file__).parents[2] / "docs" / "cosmos.md").read_text("utf-8").splitlines()

    assert [
        line for line in map(str.strip, commands(account).splitlines()) if line not in page
    ] == []
    await account.close()


async def test_no_identity_is_told(account: CosmosAccount) -> None:
    """With what azure-identity says."""
    nobody = await CosmosAccount.open(account.place._replace(key=None), credential=Identity(None))

    with pytest.raises(Unavailable) as caught:
        await nobody.check()

    assert "no credential was found" in caught.value.detail
    await nobody.close()


async def test_nobody_there() -> None:
    """Opening asks nothing; the first question says that nobody answers."""
    nowhere = CosmosPlace("https://127.0.0.1:9/", Secret("a2V5"), "d", "models", "keys")
    account = await CosmosAccount.open(nowhere)
    with pytest.raises(Unavailable) as caught:
        await account.check()
    assert "https://127.0.0.1:9/" in caught.value.detail
    await account.close()
    await account.close()


async def test_costs_are_counted(account: CosmosAccount) -> None:
    """Every request with what the service charges for it."""
    await initialise(account)
    before = account.counts()
    await CosmosDocumentRepository(models_shelf(account)).load_all()
    after = account.counts()

    assert after.requests > before.requests
    assert after.request_units > before.request_units
    assert (after.throttled, after.failures) == (before.throttled, before.failures)
