"""The command line: words, tables and exit codes around the work of `application`.

Exit codes: 0 done, 1 it failed, 2 it was called wrongly.
"""

import sys


def main() -> None:
    """Run the command line; the entry point `llmproxy`."""
    if sys.argv[1:] == ["serve"]:
        # There is nothing to read, and what reads options takes a tenth of the start.
        from llmproxy.cli.serving import serve

        serve({})
    else:
        from llmproxy.cli.commands import app

        app()
