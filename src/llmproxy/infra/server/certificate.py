"""When the gateway's own certificate ends."""

import ssl
from typing import Final

from llmproxy.infra.server.tls import ServerTls, TlsFaulty, TlsFiles

ROUNDS: Final = 10
"""A handshake takes two or three."""


def ends_at(files: TlsFiles) -> float:
    """Return when the certificate in these files ends, in unix seconds; reads files.

    Found by shaking hands with it in memory: Python's ssl decodes no certificate but a peer's.
    Raises TlsFaulty for files that are none, and for a certificate that has ended.
    """
    server = ServerTls(files._replace(clients=None)).context
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it is trusted here, whoever signed it
    client.load_verify_locations(files.certificate)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(back, there)
    theirs = server.wrap_bio(there, back, server_side=True)
    for _ in range(ROUNDS):
        if all([_shaken(ours), _shaken(theirs)]):
            break
    ended = (ours.getpeercert() or {}).get("notAfter")
    if not isinstance(ended, str):
        raise TlsFaulty(f"{files.certificate} does not say when it ends")
    return ssl.cert_time_to_seconds(ended)


def _shaken(side: ssl.SSLObject) -> bool:
    try:
        side.do_handshake()
    except ssl.SSLWantReadError:
        return False
    except ssl.SSLCertVerificationError as error:
        raise TlsFaulty(f"its certificate cannot be used: {error.verify_message}") from None
    except ssl.SSLError as error:
        raise TlsFaulty(f"its certificate cannot be used: {error.reason}") from None
    return True
