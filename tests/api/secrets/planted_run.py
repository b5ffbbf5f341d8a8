"""A gateway with values planted wherever one can be given, and all that it answers."""

import http.client
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.api.documents import document
from tests.api.gateway import Gateway, _wait_until_ready, address, command, run
from tests.api.secrets.planted import planted
from tests.emulator.running import Emulator, emulator, require
from tests.simulators.key_vault import KeyVaultSimulator
from tests.simulators.openai import OpenAISimulator

HELLO = [{"role": "user", "content": "Hello"}]
SOURCES = ("ENVIRONMENT", "DOTENV", "FILE", "VAULT")
ACCOUNT = "GOOGLE_ACCOUNT"


@dataclass(slots=True)
class Run:
    """A gateway in which values are planted, and all that it has answered."""

    gateway: Gateway
    folder: Path
    values: dict[str, str]
    upstreams: Mapping[str, OpenAISimulator]
    store: Emulator | None
    """Cosmos DB's emulator, where the registry is there."""
    written: list[tuple[str, bytes]] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)

    def ask(
        self, method: str, path: str, *, key: str | None = "ADMIN", body: object = None
    ) -> tuple[int, bytes]:
        """Send a request; what comes back is kept for the search."""
        headers = {"content-type": "application/json"} if body is not None else {}
        if key is not None:
            headers["authorization"] = f"Bearer {self.values.get(key, key)}"
        sent = json.dumps(body).encode() if body is not None else None
        host = self.gateway.url.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=20)
        try:
            connection.request(method, path, sent, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        whole = f"{answer.getheaders()}".encode() + content
        self.written.append((f"{method} {path} ({answer.status})", whole))
        self.statuses.add(answer.status)
        return answer.status, content

    def chat(self, model: str, *, stream: bool = False, key: str = "CALLER") -> int:
        """Ask a model something."""
        body = {"model": model, "messages": HELLO, "stream": stream}
        return self.ask("POST", "/v1/chat/completions", key=key, body=body)[0]

    def command(self, *arguments: str, given: str = "") -> bytes:
        """Run a command of the gateway, which may fail; what it prints is kept, and returned."""
        done = subprocess.run(
            [*command(), *arguments],
            env=dict(self.gateway.environment),
            input=given.encode(),
            capture_output=True,
            timeout=30,
            check=False,
        )
        self.written.append((f"llmproxy {' '.join(arguments)}", done.stdout + done.stderr))
        return done.stdout


def account(upstream: OpenAISimulator, code: str, **parameters: object) -> dict[str, Any]:
    """A document whose secret is called like itself."""
    given = {"secret_name": code, "endpoint": upstream.base_url, "model": "gpt-4o-mini"}
    return document(code, "OpenAI", "OpenAI", **(given | parameters))


@contextmanager
def served(folder: Path, environment: Mapping[str, str]) -> Iterator[Gateway]:
    """A server that may end as it likes."""
    log_path = folder / "server.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [*command(), "serve"], env=dict(environment), stdout=log, stderr=subprocess.STDOUT
        )
    try:
        gateway = Gateway(address(process, log_path), log_path, process, environment)
        _wait_until_ready(gateway)
        yield gateway
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


@contextmanager
def over_cosmos(values: dict[str, str], environment: dict[str, str]) -> Iterator[Emulator]:
    """Have the registry in Cosmos DB, opened by the account's own key."""
    require()
    with emulator() as store:
        values["COSMOS"] = environment["COSMOS_KEY"] = store.key
        environment |= {"COSMOS_URL": store.url, "REGISTRY_RELOAD_S": "3"}
        # Nobody listens there: what is limited is let through, and Redis is asked for again.
        redis = f"redis://gateway:{values['REDIS']}@127.0.0.1:9/0"
        environment |= {"REDIS_URL": redis, "LIMITS_WITHOUT_REDIS": "open"}
        run(environment, "registry", "init")
        yield store


def plant(
    folder: Path, vault: KeyVaultSimulator, in_vault: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Put a value everywhere: (the values, the environment of the server)."""
    values = {
        name: planted(name.lower())
        for name in (*SOURCES, "ADMIN", "COSMOS", "CLIENT", "PEM", "WEBHOOK", "REDIS")
    }
    mounted = folder / "mounted"
    mounted.mkdir()
    (mounted / "FILE").write_text(f"{values['FILE']}\n")
    private = f"-----BEGIN PRIVATE KEY-----\n{values['PEM']}\n-----END PRIVATE KEY-----\n"
    google = {"type": "service_account", "client_email": "a@b", "token_uri": "http://127.0.0.1:9"}
    (mounted / ACCOUNT).write_text(json.dumps(google | {"private_key": private}))
    (folder / "variables.env").write_text(f"DOTENV='{values['DOTENV']}'\n")
    vault.keep("VAULT", values["VAULT"])
    vault.issuer.entra.client_secret = values["CLIENT"]
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        **in_vault,
        "HOST": "127.0.0.1",
        "PORT": "0",
        "LOG_LEVEL": "debug",
        "PYTHONFAULTHANDLER": "1",
        "LLMPROXY_DATA_DIR": str(folder / "data"),
        "LLMPROXY_ENV_FILE": str(folder / "variables.env"),
        "LLMPROXY_ADMIN_KEY": values["ADMIN"],
        "COSMOS_KEY": values["COSMOS"],
        "ALERT_WEBHOOK_URL": f"http://127.0.0.1:9/hooks/{values['WEBHOOK']}",
        "SECRETS_DIR": str(mounted),
        "AZURE_CLIENT_SECRET": values["CLIENT"],
        "ENVIRONMENT": "development",
        # ENVIRONMENT is a setting's name.
        "OF_THE_ENVIRONMENT": values["ENVIRONMENT"],
    }
    return values, environment
