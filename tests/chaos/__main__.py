"""`scripts/chaos`: a long run by hand."""

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

from tests.chaos.report import markdown
from tests.chaos.run import chaos

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "bench" / "CHAOS.md"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/chaos",
        description="Serve under steady load while providers fail at random, and audit the result:"
        " failures before the first content are hidden, those after it raised, the ledger has"
        " every call once, memory and files stay. Exits with 1 when something did not hold.",
    )
    parser.add_argument("--minutes", type=float, default=30.0, help="how long (default: 30)")
    parser.add_argument("--rate", type=float, default=300.0, help="calls a second (default: 300)")
    parser.add_argument("--seed", type=int, help="repeat a run's faults (default: drawn, printed)")
    parser.add_argument(
        "--report", type=Path, default=REPORT, help="where the report goes (default: %(default)s)"
    )
    return parser.parse_args()


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")


def main() -> int:
    """Run, write the report, and say whether all held."""
    options = _arguments()
    seed = random.SystemRandom().randrange(1_000_000) if options.seed is None else options.seed
    _tell(f"seed {seed}: {options.minutes:g} minutes at {options.rate:g} calls a second")
    with tempfile.TemporaryDirectory(prefix="llmproxy-chaos-") as folder:
        run = asyncio.run(
            chaos(
                Path(folder),
                seconds=options.minutes * 60,
                rate=options.rate,
                seed=seed,
                tell=_tell,
            )
        )
    text = markdown(run)
    options.report.write_text(text)
    sys.stdout.write(text)
    return 1 if run.faults() else 0


if __name__ == "__main__":
    sys.exit(main())
