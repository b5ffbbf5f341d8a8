"""`scripts/load`: load by hand."""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.load import report
from tests.load.run import TOOLS, Site, load, own_site
from tests.load.tools import Order, ToolError
from tests.load.upstream import Upstream


def _arguments() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        prog="scripts/load",
        description="Put a gateway under load, and compare what was sent with what it has counted."
        " What is not named here goes to locust. The whole of it: scripts/load --help.",
    )
    add = parser.add_argument
    add("--tool", choices=sorted(TOOLS), default="locust", help="what makes the calls (locust)")
    add("--users", type=int, default=20, help="calls at the same time at most (default: 20)")
    add("--seconds", type=float, default=30.0, help="how long; not for ab (default: 30)")
    add("--rate", type=float, help="calls a second of all users together; 0: no pause (50)")
    add("--calls", type=int, default=1000, help="how many; for ab only (default: 1000)")
    add("--url", help="a gateway that is there; key in LLMPROXY_KEY, LLMPROXY_ADMIN_KEY for counts")
    add("--answer-ms", type=float, default=50.0, help="how long the provider takes (default: 50)")
    add("--event-ms", type=float, default=5.0, help="between its events (default: 5)")
    add("--json", action="store_true", help="print JSON")
    options, rest = parser.parse_known_args()
    _check(parser, options, rest)
    return options, rest


def _check(parser: argparse.ArgumentParser, options: argparse.Namespace, rest: list[str]) -> None:
    """Refuse what a tool does not know, instead of doing something else."""
    if options.users < 1 or options.seconds <= 0 or options.calls < options.users:
        parser.error("--users and --seconds are above 0, and --calls is not less than --users")
    if options.tool != "locust" and (options.rate is not None or rest):
        parser.error(f"{options.tool} knows no --rate, and takes no other options: {rest}")
    if options.rate is not None and options.rate < 0:
        parser.error("--rate is not below 0")


@contextmanager
def _site(options: argparse.Namespace, folder: Path) -> Iterator[Site]:
    if options.url is not None:
        key, admin_key = (
            os.environ.get(name, "") for name in ("LLMPROXY_KEY", "LLMPROXY_ADMIN_KEY")
        )
        yield Site(options.url.rstrip("/"), key, admin_key)
        return
    provider = Upstream(answer_s=options.answer_ms / 1000, event_s=options.event_ms / 1000)
    with own_site(folder, provider) as site:
        yield site


def main() -> int:
    """Run, print, and say whether all went well."""
    options, rest = _arguments()
    rate = 50.0 if options.rate is None else options.rate
    with tempfile.TemporaryDirectory(prefix="llmproxy-load-") as name:
        folder = Path(name)
        with _site(options, folder) as site:
            order = Order(site.url, site.key, options.users, options.seconds, rate, options.calls)
            try:
                result = load(site, order, options.tool, folder, rest)
            except ToolError as error:
                sys.stderr.write(f"error: {error}\n")
                return 2
    sys.stdout.write(report.as_json(result) if options.json else report.text(result))
    return 0 if result.good else 1


if __name__ == "__main__":
    sys.exit(main())
