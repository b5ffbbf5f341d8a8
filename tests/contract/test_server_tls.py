"""TLS of the server itself: certificates that are renewed, keys with passwords, clients' own."""

import asyncio
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from llmproxy.domain.secret import Secret
from llmproxy.infra.server.certificate import ends_at
from llmproxy.infra.server.tls import ServerTls, TlsFaulty, TlsFiles
from tests.api.certificates import Certificate, certificate_for, expire

pytestmark = pytest.mark.asyncio
WHERE = "IP:127.0.0.1"
PATIENCE_S = 10.0


@asynccontextmanager
async def listening(tls: ServerTls) -> AsyncIterator[int]:
    """A server that greets whoever gets in; its port."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=tls.context)
    watching = asyncio.create_task(tls.watch())
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        watching.cancel()
        server.close()


def shaken(
    port: int, trusted: Path, own: Certificate | None = None, most: str | None = None
) -> tuple[bytes, bytes, str | None]:
    """Connect by address, without any name: the certificate, the greeting, the version."""
    context = ssl.create_default_context(cafile=str(trusted))
    if own is not None:
        context.load_cert_chain(own.certificate, own.key)
    if most is not None:
        context.maximum_version = {"1.2": ssl.TLSVersion.TLSv1_2}[most]
    with (
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
    ):
        return secure.getpeercert(binary_form=True) or b"", secure.recv(5), secure.version()


def moved(source: Certificate, target: Certificate) -> None:
    """Put a certificate and its key in another's place, as those who renew do."""
    for old, new in ((source.certificate, target.certificate), (source.key, target.key)):
        beside = new.with_suffix(".new")
        shutil.copy(old, beside)
        beside.replace(new)


async def seen(port: int, trusted: Path, wanted: bytes) -> bool:
    """Whether the server shows this certificate before long."""
    for _ in range(100):
        try:
            if (await asyncio.to_thread(shaken, port, trusted))[0] == wanted:
                return True
        except ssl.SSLError:
            pass  # it still shows one that is not trusted here
        await asyncio.sleep(0.05)
    return False


def lock(made: Certificate, password: str) -> Path:
    """The key behind a password."""
    locked = made.key.with_suffix(".locked")
    command = ["openssl", "pkey", "-aes256", "-passout", f"pass:{password}"]
    subprocess.run([*command, "-in", made.key, "-out", locked], check=True, capture_output=True)
    return locked


def der(made: Certificate) -> bytes:
    """The certificate as it goes over the wire."""
    return ssl.PEM_cert_to_DER_cert(made.certificate.read_text())


@pytest.mark.parametrize("told", [True, False], ids=["told", "by-itself"])
async def test_a_certificate_that_is_renewed(tmp_path: Path, *, told: bool) -> None:
    """The next connection gets the new one: at once after a signal, else when it is looked at."""
    first, second = (certificate_for(tmp_path, name, WHERE) for name in ("first", "second"))
    served = Certificate(tmp_path / "served.pem", tmp_path / "served.key")
    moved(first, served)
    tls = ServerTls(TlsFiles(served.certificate, served.key), 600.0 if told else 0.1)
    async with listening(tls) as port:
        found = await asyncio.to_thread(shaken, port, first.certificate)
        assert found == (der(first), b"hello", "TLSv1.3")
        moved(second, served)
        if told:
            tls.look_now()
        assert await seen(port, second.certificate, der(second))


async def test_what_cannot_be_used_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A key of another certificate, garbage, nothing: the old one goes on, and it is told."""
    first, second = (certificate_for(tmp_path, name, WHERE) for name in ("first", "second"))
    tls = ServerTls(TlsFiles(first.certificate, first.key), 0.05)
    good, key = der(first), first.key.read_text()
    trusted = tmp_path / "trusted.pem"
    shutil.copy(first.certificate, trusted)
    async with listening(tls) as port:
        for bad in (second.key.read_text(), "garbage", None):
            caplog.clear()
            first.key.unlink() if bad is None else first.key.write_text(bad)
            for _ in range(100):
                if "stays" in caplog.text:
                    break
                await asyncio.sleep(0.05)
            assert "the TLS certificate in use stays" in caplog.text
            assert (await asyncio.to_thread(shaken, port, trusted))[0] == good
        first.key.write_text(key)


async def test_clients_without_a_certificate_are_not_let_in(tmp_path: Path) -> None:
    """Only those of an authority that is named; one that is taken away lets in nobody more."""
    served = certificate_for(tmp_path, "served", WHERE)
    ours, others = (certificate_for(tmp_path, name, "DNS:client") for name in ("ours", "others"))
    authorities = tmp_path / "authorities.pem"
    authorities.write_text(ours.certificate.read_text())
    tls = ServerTls(TlsFiles(served.certificate, served.key, clients=authorities), 600.0)

    async def get_in(own: Certificate | None, most: str | None = None) -> bool:
        try:
            found = await asyncio.to_thread(shaken, port, served.certificate, own, most)
        except (ssl.SSLError, ConnectionError):
            return False
        return found[1] == b"hello"

    async with listening(tls) as port:
        assert await get_in(ours)
        assert not await get_in(others)
        assert not await get_in(None)
        assert not await get_in(ours, "1.2"), "a session of 1.2 could be taken up for two hours"
        authorities.write_text(others.certificate.read_text())
        tls.look_now()
        for _ in range(100):
            if await get_in(others):
                break
            await asyncio.sleep(0.05)
        assert await get_in(others)
        assert not await get_in(ours)


async def test_who_may_read_a_key_is_seen(tmp_path: Path) -> None:
    """A new key that could not be read when it came is looked at again once it can be."""
    served = certificate_for(tmp_path, "served", WHERE)
    files = TlsFiles(served.certificate, served.key)
    before = files.stamp()
    await asyncio.sleep(0.05)  # file systems tell times by the tick
    served.key.chmod(0o640)
    assert files.stamp() != before
    assert files.stamp() == files.stamp()


async def test_versions(tmp_path: Path) -> None:
    """Below the least version there is no connection."""
    served = certificate_for(tmp_path, "served", WHERE)
    tls = ServerTls(TlsFiles(served.certificate, served.key, min_version="1.3"))
    async with listening(tls) as port:
        assert (await asyncio.to_thread(shaken, port, served.certificate))[2] == "TLSv1.3"
        with pytest.raises(ssl.SSLError):
            await asyncio.to_thread(shaken, port, served.certificate, None, "1.2")


async def test_a_key_with_a_password(tmp_path: Path) -> None:
    """It is opened; a wrong password and none are told as what they are, and nobody is asked."""
    served = certificate_for(tmp_path, "served", WHERE)
    locked = lock(served, "open-sesame")
    files = TlsFiles(served.certificate, locked, Secret("open-sesame"))
    async with listening(ServerTls(files)) as port:
        assert (await asyncio.to_thread(shaken, port, served.certificate))[1] == b"hello"
    for wrong in (Secret("open-other"), None):
        with pytest.raises(TlsFaulty, match="TLS_KEY_PASSWORD_NAME"):
            ServerTls(files._replace(password=wrong))


async def test_when_a_certificate_ends(tmp_path: Path) -> None:
    """Those of the tests are good for two days; one that has ended is told as that."""
    served = certificate_for(tmp_path, "served", WHERE)
    files = TlsFiles(served.certificate, served.key, clients=served.certificate)
    left_s = ends_at(files) - time.time()
    assert 1.9 * 86_400 < left_s <= 2 * 86_400
    expire(served)
    with pytest.raises(TlsFaulty, match="certificate has expired"):
        ends_at(files)


async def test_files_that_are_none(tmp_path: Path) -> None:
    """What is wrong is said by the file's name."""
    served, other = (certificate_for(tmp_path, name, WHERE) for name in ("served", "other"))
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("no PEM at all")
    good = TlsFiles(served.certificate, served.key)
    for files, said in (
        (good._replace(certificate=tmp_path / "nowhere.pem"), "nowhere.pem cannot be read"),
        (good._replace(key=other.key), "other.key is not that of the certificate"),
        (good._replace(certificate=garbage), "garbage.pem"),
        (good._replace(clients=garbage), "garbage.pem holds no certificates in PEM"),
    ):
        with pytest.raises(TlsFaulty, match=said):
            ServerTls(files)
