"""What an error of azure-cosmos means here.

Measured with azure-cosmos 4.17.1: a server that is not there raises azure-core's
ServiceRequestError, which is no CosmosHttpResponseError; a call that took too long raises
CosmosClientTimeoutError or asyncio's own TimeoutError.
"""

from typing import Final

import aiohttp
from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.cosmos.exceptions import CosmosHttpResponseError

from llmproxy.domain.errors import Unavailable

AWAY: Final = (AzureError, TimeoutError, aiohttp.ClientError, OSError)
"""Everything that a call can raise because of the network, the service or the account."""

MAX_DETAIL: Final = 500
_OWNER_MISSING: Final = 1003
"""Sub-status of a 404 for the container or database: `SubStatusCodes.OWNER_RESOURCE_NOT_FOUND` in
azure/cosmos/http_constants.py."""
_MESSAGE: Final = "The store cannot be reached at the moment."
_RETRY_S: Final = 1.0


class Rejected(Unavailable):
    """The service answered with this status. `raw` is what it said."""

    def __init__(self, status: int, sub_status: int, detail: str, *, retry_after_s: float) -> None:
        super().__init__(_MESSAGE, retry_after_s=retry_after_s, detail=detail)
        self.status = status
        self.sub_status = sub_status


class Collided(Exception):
    """A write met what is there: 409 exists already, 412 another etag, 404 nothing there."""


def collision(error: CosmosHttpResponseError) -> bool:
    """Tell whether the write failed for what is, or is not, in the container."""
    if error.status_code == 404:
        return (error.sub_status or 0) == 0
    return error.status_code in (409, 412)


def unavailable(error: BaseException, place: str) -> Unavailable:
    """Return what callers are told, with the reason in `detail`: never a key or a token."""
    if isinstance(error, CosmosHttpResponseError) and error.status_code:
        status, sub_status = int(error.status_code), int(error.sub_status or 0)
        said = f"{place} answered {status}/{sub_status}: {_first_line(error)}"
        detail = " ".join(part for part in (said, _advice(status, sub_status)) if part)
        return Rejected(status, sub_status, detail, retry_after_s=_pause_s(error))
    if isinstance(error, ClientAuthenticationError):
        words = (
            f"Entra ID gave no token for {place}: {_first_line(error)} Without COSMOS_KEY the "
            "gateway takes the identity that azure-identity's DefaultAzureCredential finds."
        )
    elif isinstance(error, TimeoutError):
        words = f"{place} did not answer in time"
    else:
        words = f"{place}: {type(error).__name__}: {_first_line(error)}"
    return Unavailable(_MESSAGE, retry_after_s=_RETRY_S, detail=words)


def _advice(status: int, sub_status: int) -> str:
    if status == 401:
        return "COSMOS_KEY is wrong, or the account takes no keys (leave it out for Entra ID)."
    if status == 403:
        return (
            "With Entra ID the gateway's identity needs the role `Cosmos DB Built-in Data "
            "Contributor` on the account; otherwise look at its firewall (docs/cosmos.md)."
        )
    if status == 404 and sub_status in (0, _OWNER_MISSING):
        return "The database or container is missing: run `llmproxy registry init`."
    return ""


def _first_line(error: BaseException) -> str:
    """Say the first line of an error: the rest holds headers and activity ids."""
    message = str(getattr(error, "message", None) or error)
    return " ".join(message.split())[:MAX_DETAIL]


def _pause_s(error: CosmosHttpResponseError) -> float:
    headers = getattr(error, "headers", None) or {}
    try:
        return max(_RETRY_S, float(headers.get("x-ms-retry-after-ms", 0)) / 1000)
    except ValueError:
        return _RETRY_S
