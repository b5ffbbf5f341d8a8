"""deploy/prepare: what it makes is what docker-compose.yml needs, and nobody else sees it."""

import re
import ssl
import stat
from pathlib import Path

import pytest
import yaml

from llmproxy.config import settings_from
from llmproxy.domain.dotenv import parse_dotenv
from tests.deploy.programs import ROOT, program, ran
from tests.redis_server import running

SCRIPT = str(ROOT / "deploy/prepare")


def prepared(folder: Path, *words: str) -> str:
    """Run it, into a folder of the test's."""
    program("openssl", "Debian's package openssl")
    return ran(SCRIPT, "--folder", str(folder), *words)


def test_it_makes_what_compose_mounts(tmp_path: Path) -> None:
    """Each folder of secrets/ that a service has is there, with something in it."""
    folder = tmp_path / "secrets"
    prepared(folder, "--cosmos")
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"].values()
    mounted = {
        volume.partition(":")[0].removeprefix("./secrets/")
        for service in services
        for volume in service.get("volumes", ())
        if volume.startswith("./secrets/")
    }
    assert mounted == {"gateway", "redis", "tls", "prometheus", "grafana", "cosmos"}
    assert all(list((folder / name).iterdir()) for name in mounted)
    assert list(folder.glob("new.*")) == []


def test_only_its_owner_gets_in(tmp_path: Path) -> None:
    """The folder is private; what is in it can be read by the containers' users."""
    folder = tmp_path / "secrets"
    prepared(folder, "--cosmos")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if path.is_dir() else 0o644), path


def test_the_gateway_understands_its_settings(tmp_path: Path) -> None:
    """The file is one that it reads: a long admin key, Redis, and the emulator's address."""
    folder = tmp_path / "secrets"
    prepared(folder, "--cosmos")
    settings = settings_from(parse_dotenv((folder / "gateway/llmproxy.env").read_text()))
    key = settings.access.admin_key
    assert key is not None
    assert key.expose() == (folder / "prometheus/admin_key").read_text().strip()
    assert settings.redis is not None
    assert settings.registry.cosmos is not None
    assert settings.registry.cosmos.url == "https://cosmos:8081/"


def test_again_it_changes_nothing(tmp_path: Path) -> None:
    """Keys that are in use stay; what is missing is made."""
    folder = tmp_path / "secrets"
    prepared(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert "kept" in prepared(folder)
    assert {path: path.read_bytes() for path in before} == before


def test_the_certificate_is_for_this_machine(tmp_path: Path) -> None:
    """A client that is given it believes it, and the key is its own."""
    folder = tmp_path / "secrets"
    prepared(folder)
    made = str(folder / "tls/certificate.pem")
    ssl.create_default_context(cafile=made)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(made, str(folder / "tls/key.pem"))
    told = ran("openssl", "x509", "-in", made, "-noout", "-ext", "subjectAltName")
    assert "DNS:localhost" in told
    assert "127.0.0.1" in told


def test_help_and_nonsense() -> None:
    """--help says what it makes; a word that it does not know ends it."""
    assert "gateway/llmproxy.env" in ran(SCRIPT, "--help")
    with pytest.raises(AssertionError, match="Usage"):
        ran(SCRIPT, "--nonsense")


def test_redis_starts_as_in_compose(tmp_path: Path) -> None:
    """From its file and the made password: nobody without it, policy and persistence as meant."""
    folder = tmp_path / "secrets"
    prepared(folder)
    written = (folder / "redis/password.conf").read_text()
    password = re.fullmatch(r"requirepass (\S+)\n", written)
    assert password is not None
    files = (ROOT / "deploy/redis/redis.conf", folder / "redis/password.conf")
    settings = tuple(word for path in files for word in ("--include", str(path)))
    with running(tmp_path / "redis", settings=settings) as redis:
        assert "NOAUTH" in redis.command("CONFIG", "GET", "maxmemory-policy")
        login = ("--no-auth-warning", "-a", password[1])
        for name, value in (
            ("maxmemory-policy", "volatile-lru"),
            ("maxmemory", str(512 * 1024 * 1024)),
            ("appendonly", "yes"),
        ):
            assert redis.command(*login, "CONFIG", "GET", name).split() == [name, value]
