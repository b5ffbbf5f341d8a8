"""`create_app()`: the ASGI application.

For `llmproxy serve` and for `uvicorn --factory llmproxy.app:create_app`.
"""

from collections.abc import Mapping

from llmproxy.bootstrap.serving import Announce, serving
from llmproxy.config import process_environment, settings_from
from llmproxy.infra.controllers.middleware import Door


def create_app(
    environment: Mapping[str, str] | None = None, announce: Announce | None = None
) -> Door:
    """Return the gateway. Raises SettingError when a variable of the environment makes no sense.

    `announce` is told what there is to serve, just before it is served.
    """
    return serving(settings_from(environment or process_environment()), announce)
