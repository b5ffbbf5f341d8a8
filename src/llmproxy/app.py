"""`create_app()`: the ASGI application.

For `llmproxy serve` and for `uvicorn --factory llmproxy.app:create_app`.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from llmproxy.bootstrap.serving import serving
from llmproxy.config import process_environment, settings_from

Application = Callable[
    [
        MutableMapping[str, Any],
        Callable[[], Awaitable[MutableMapping[str, Any]]],
        Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ],
    Awaitable[None],
]


def create_app(environment: Mapping[str, str] | None = None) -> Application:
    """Return the gateway. Raises SettingError when a variable of the environment makes no sense."""
    return serving(settings_from(environment or process_environment()))
