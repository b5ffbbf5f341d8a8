"""The store, Redis, identities, and a gateway that runs."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.api.doctor.examined import Installation
from tests.api.documents import document
from tests.api.gateway import command, run, serving
from tests.emulator.running import WRONG_KEY, Emulator, emulator, require
from tests.redis_server import running as running_redis
from tests.simulators.runner import running, tls_context
from tests.simulators.tls import self_signed
from tests.simulators.token_endpoints import TokenSimulator

ECHO = document("echo", "Local", "Echo") | {"costs": {}, "free": True}


@pytest.fixture(name="account")
def _account() -> Iterator[Emulator]:
    require()
    with emulator() as account:
        yield account


@pytest.fixture(name="over_cosmos")
def _over_cosmos(installation: Installation, account: Emulator) -> Installation:
    settings = {"COSMOS_URL": account.url, "COSMOS_KEY": account.key}
    return replace(installation, settings=settings)


def test_cosmos_that_is_well(over_cosmos: Installation) -> None:
    """Containers, rights and clock, and the models that are in it."""
    run(over_cosmos.environment, "registry", "init")
    over_cosmos.register(ECHO)
    found = over_cosmos.examined()
    assert found.code == 0, found.text
    said = [row["finding"] for row in found.of("store")]
    assert "they can be written" in said[0]
    assert said[1] == "the clock agrees with Azure Cosmos DB"
    assert found.of("models")[0]["finding"] == "ready models: 1"


def test_cosmos_without_containers(over_cosmos: Installation) -> None:
    """What makes them is said."""
    found = over_cosmos.examined()
    assert "llmproxy registry init" in found.problem("store")["finding"]
    assert "not looked at" in found.of("models")[0]["finding"]


def test_cosmos_that_is_away(over_cosmos: Installation, account: Emulator) -> None:
    """The case `unable to connect`: address, key, firewall, and how to look for the account."""
    account.away(on=True)
    found = over_cosmos.examined()
    account.away(on=False)
    todo = found.problem("store")["todo"]
    assert "COSMOS_URL" in todo
    assert "firewall" in todo
    assert "az cosmosdb show" in todo
    assert "not looked at" in found.of("hosts")[0]["finding"]


def test_cosmos_with_a_wrong_key(over_cosmos: Installation) -> None:
    """As what it is; the key is not shown."""
    found = over_cosmos.examined(COSMOS_KEY=WRONG_KEY)
    assert "COSMOS_KEY is wrong" in found.problem("store")["finding"]


def test_cosmos_that_may_only_be_read(over_cosmos: Installation, account: Emulator) -> None:
    """A gateway over it could keep neither keys nor usage."""
    run(over_cosmos.environment, "registry", "init")
    account.fail(status=403, method="DELETE", times=3)
    found = over_cosmos.examined()
    account.heal()
    assert "lets nothing be written to models, keys, usage" in found.problem("store")["finding"]
    assert "Data Contributor" in found.of("store", "problem")[0]["todo"]


def test_redis_that_is_well(installation: Installation, tmp_path: Path) -> None:
    """Its version, and how long it takes."""
    with running_redis(tmp_path / "redis") as redis:
        found = installation.examined(REDIS_URL=redis.url)
    assert found.code == 0, found.text
    assert found.of("redis")[0]["finding"].startswith("Redis 7.")


def test_redis_that_evicts(installation: Installation, tmp_path: Path) -> None:
    """Counters may be lost and rebuilt."""
    policy = ("--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru")
    with running_redis(tmp_path / "redis", settings=policy) as redis:
        found = installation.examined(REDIS_URL=redis.url)
    assert "allkeys-lru" in found.of("redis", "warning")[0]["finding"]
    assert found.code == 0


def test_redis_that_takes_no_scripts(installation: Installation, tmp_path: Path) -> None:
    """An account without the right to run them."""
    with running_redis(tmp_path / "redis") as redis:
        redis.command("ACL", "SETUSER", "poor", "on", ">hush-hush", "~*", "+@all", "-@scripting")
        url = f"redis://poor:hush-hush@127.0.0.1:{redis.port}/0"
        found = installation.examined(REDIS_URL=url)
    assert "takes no scripts" in found.problem("redis")["finding"]
    assert "ACL SETUSER" in found.of("redis", "problem")[0]["todo"]
    assert "hush-hush" not in found.text


def test_redis_that_is_away_or_refuses(installation: Installation, tmp_path: Path) -> None:
    """What becomes of calls meanwhile is said; a wrong password is told as what it is."""
    with running_redis(tmp_path / "redis", settings=("--requirepass", "right-one")) as redis:
        refused = installation.examined(REDIS_URL=f"redis://:wrong-one@127.0.0.1:{redis.port}/0")
        away = redis.url
    assert "WRONGPASS" in refused.problem("redis")["finding"]
    assert "wrong-one" not in refused.text
    gone = installation.examined(REDIS_URL=away, LIMITS_WITHOUT_REDIS="open")
    assert "limits do not hold" in gone.problem("redis")["finding"]
    assert "REDIS_URL" in gone.of("redis", "problem")[0]["todo"]


@pytest.mark.parametrize("right", [True, False])
def test_an_identity(installation: Installation, tmp_path: Path, *, right: bool) -> None:
    """A token is asked for; why there is none is told in the issuer's words."""
    certificate, key = self_signed(tmp_path)
    with running(TokenSimulator(tls=tls_context(certificate, key))) as issuer:
        entra = {"auth": "entra", "endpoint": "http://127.0.0.1:9/", "deployment_name": "chat"}
        installation.register(document("ours", "Azure", "AzureOpenAI", **entra))
        found = installation.examined(
            AZURE_TENANT_ID=issuer.entra.tenant,
            AZURE_CLIENT_ID=issuer.entra.client_id,
            AZURE_CLIENT_SECRET=issuer.entra.client_secret if right else "another-secret",
            AZURE_AUTHORITY_HOST=issuer.url,
            SSL_CERT_FILE=str(certificate),
        )
    if right:
        assert "a token was had" in found.of("credentials", "ok")[0]["finding"]
    else:
        assert "docs/credentials.md" in found.of("credentials", "problem")[0]["todo"]


def test_a_gateway_that_runs(installation: Installation, tmp_path: Path) -> None:
    """Its own health, and a secret that it lacks while this shell has it."""
    needs = document("needs", "OpenAI", "OpenAI", secret_name="ONLY_HERE", model="m")
    needs["parameters"]["endpoint"] = "http://127.0.0.1:9/v1"
    with serving(tmp_path, [ECHO, needs]) as gateway:
        found = installation.examined("--url", gateway.url, ONLY_HERE="sk-here-and-not-there")
        assert found.of("gateway", "ok")[0]["finding"] == f"{gateway.url} is ready"
        assert "1 models cannot be used" in found.of("gateway", "problem")[0]["finding"]
        address = gateway.url
    gone = installation.examined("--url", address)
    assert "cannot be asked" in gone.of("gateway", "problem")[0]["finding"]


def test_several_workers_and_a_limit(installation: Installation) -> None:
    """REPLICAS=many without Redis while a key has a budget."""
    installation.register(ECHO)
    run(
        installation.environment,
        "keys",
        "create",
        "--project",
        "team",
        "--limit",
        "cost_per_month=5",
    )
    found = installation.examined(REPLICAS="many")
    assert "REDIS_URL" in found.problem("limits")["todo"]
    assert found.of("redis", "warning")


def test_the_table(installation: Installation) -> None:
    """Without --json and a terminal: tab-separated lines, notes on stderr."""
    installation.register(ECHO)
    done = subprocess.run(
        [*command(), "doctor", "gpt-4"],
        env=installation.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout.startswith("result\tcheck\tfinding\twhat to do\n")
    assert done.stderr == "llmproxy: 1 problem\n"
    assert json.dumps("gpt-4")[1:-1] in done.stdout
