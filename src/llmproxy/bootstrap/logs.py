"""What the gateway writes about itself and its requests, from the settings."""

import sys
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

from llmproxy.application.registry import Registry
from llmproxy.bootstrap.greeting import Inventory
from llmproxy.bootstrap.measuring import provider_of
from llmproxy.config import Settings
from llmproxy.config.logs import ContentSettings, LogSettings
from llmproxy.infra.controllers.middleware import AccessLog
from llmproxy.infra.controllers.visit import Visit
from llmproxy.infra.telemetry.access_line import JsonLines
from llmproxy.infra.telemetry.access_log import BufferedAccessLog, Lines, SilentAccessLog
from llmproxy.infra.telemetry.access_text import TextLines
from llmproxy.infra.telemetry.log_format import (
    JsonFormatter,
    TextFormatter,
    json_line,
    write_as,
)
from llmproxy.infra.telemetry.log_lines import keep_to_lines
from llmproxy.infra.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from llmproxy.bootstrap.contents import WithContents


class Logs:
    """The access log of a gateway, and that of contents; their threads end with the server."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self._registry = registry
        self._lines: BufferedAccessLog | SilentAccessLog = SilentAccessLog()
        if settings.access_log:
            self._lines = BufferedAccessLog(sys.stdout, self._form(settings))
        self.access_log: AccessLog = self._lines
        self.visiting: type[Visit] = Visit
        self._contents: WithContents | None = None
        if settings.logs.content is not None:
            self.access_log = self._contents = _with_contents(self._lines, settings.logs.content)
            self.visiting = self._contents.visiting
        if settings.logs.as_json:
            write_as(JsonFormatter())
        else:
            keep_to_lines()

    async def open(self, stack: AsyncExitStack, metrics: Metrics) -> None:
        """Begin to write; the end writes what is left. Raises StartRefused."""
        if self._contents is not None:
            await self._contents.open(stack, metrics)
        stack.push_async_callback(self._lines.close)
        metrics.gauge("access_log", self._lines.counts)

    def _form(self, settings: Settings) -> Lines:
        logs = settings.logs
        if logs.as_json:
            return JsonLines(partial(provider_of, self._registry), client_ip=logs.client_ip)
        return TextLines(coloured=logs.colour and sys.stdout.isatty())


def _with_contents(access_log: AccessLog, settings: ContentSettings) -> "WithContents":
    from llmproxy.bootstrap.contents import WithContents  # noqa: PLC0415 - only where it is used

    return WithContents(access_log, settings)


def write_records(logs: LogSettings) -> None:
    """Write records of the loggers from now on in the form that the settings say."""
    coloured = logs.colour and sys.stderr.isatty()
    write_as(JsonFormatter() if logs.as_json else TextFormatter(coloured=coloured))


def greet_in_json(found: Inventory, addresses: list[str]) -> None:
    """Say in one line of stdout that the gateway serves, whatever the level of the log is."""
    sys.stdout.write(
        json_line(
            f"LLM Proxy serves at {addresses[0]}",
            addresses=addresses,
            models=len(found.models),
            keys=found.keys,
            auth=found.auth,
            data=found.place,
        )
    )
    sys.stdout.flush()
