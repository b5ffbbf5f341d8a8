# ruff: noqa: INP001 - a file of the image, not of the package
"""Ask the gateway of this container how it is: exit code 0 when it answers 200, else 1.

Usage: healthcheck.py [PATH]     /health/live by default. It needs nothing but the standard library.
"""

import http.client
import os
import ssl
import sys
from collections.abc import Iterator

PATIENCE_S = 4.0
"""Less than the time limit of the HEALTHCHECK, which would say nothing of the reason."""


def ways(port: int) -> Iterator[http.client.HTTPConnection]:
    """Plain, and with TLS where the gateway itself has a certificate (TLS_CERT_FILE)."""
    yield http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname = False  # the certificate has the gateway's name, not this machine's
    anybody.verify_mode = ssl.CERT_NONE
    yield http.client.HTTPSConnection("127.0.0.1", port, timeout=PATIENCE_S, context=anybody)


def main(path: str = "/health/live") -> int:
    """Try one way after the other."""
    reason: object = None
    for connection in ways(int(os.environ.get("PORT", "8000"))):  # noqa: TID251 - no part of the gateway
        try:
            connection.request("GET", path)
            status = connection.getresponse().status
        except ConnectionRefusedError as error:
            reason = error
            break
        except (OSError, http.client.HTTPException) as error:
            reason = error
        else:
            reason = f"{path} says {status}"
            if status == http.client.OK:
                return 0
            break
        finally:
            connection.close()
    print(reason, file=sys.stderr)  # noqa: T201 - `docker inspect` shows it
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
