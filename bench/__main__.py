"""Command line of the benchmark. `scripts/bench` prepares what it needs and starts it."""

import os
import shlex
import shutil
import signal
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from bench import arguments, document, gateways, machine
from bench.filled import OnCosmos
from bench.plan import Plan
from bench.report import Run
from bench.runner import Runner
from bench.samples import Results, Sample
from bench.sites import upstreams

_HERE = Path(__file__).resolve().parent


def _noise(samples: list[Sample], stolen_share: float) -> str:
    if not samples:
        return ""
    foreign = sum(sample.foreign for sample in samples) / len(samples)
    return (
        f"Noise: other processes used {foreign:.1%} of the gateway's core while it was measured;"
        f" the host kept {stolen_share:.1%} of it back."
    )


FOLDERS = ("--before", "--into")
"""Options that name a folder."""


def _told(words: list[str]) -> list[str]:
    """Leave out where folders lie: that is this machine's business."""
    told: list[str] = []
    for word in words:
        option, given, _ = word.partition("=")
        if told and told[-1] in FOLDERS:
            told.append("FOLDER")
        else:
            told.append(f"{option}=FOLDER" if given and option in FOLDERS else word)
    return told


def _measure(plan: Plan, folder: Path) -> tuple[Run, list[Sample]]:
    known = gateways.every(plan.other_models)
    chosen = [known[name] for name in plan.gateways]
    if "ours" in plan.gateways and plan.wants("translated") and plan.wants("start", "memory"):
        chosen.append(known["ours-beside-litellm"])
    absent = {gateway: reason for gateway in chosen if (reason := gateways.missing(gateway))}
    chosen = [gateway for gateway in chosen if gateway not in absent]
    began = datetime.now(UTC)
    before = machine.core_ticks(plan.gateway_core)[1]
    with upstreams(folder, plan.load_core) as found:
        runner = Runner(plan, chosen, found, folder)
        runner.failures += [f"{gateway.title}: {reason}" for gateway, reason in absent.items()]
        runner.run()
    seconds = (datetime.now(UTC) - began).total_seconds()
    stolen = (machine.core_ticks(plan.gateway_core)[1] - before) / 100 / seconds
    run = Run(
        plan=plan,
        command=shlex.join(["scripts/bench", *_told(sys.argv[1:])]),
        date=began.strftime("%Y-%m-%d %H:%M UTC"),
        machine=machine.describe(plan.gateway_core, plan.load_core),
        titles={gateway.name: f"{gateway.title} {gateway.version()}" for gateway in chosen}
        | {OnCosmos.name: OnCosmos.title},
        results=Results(runner.samples),
        footprints=runner.footprints,
        stalls=runner.stalls,
        failures=runner.failures,
        noise=_noise(runner.samples, stolen),
        scale=runner.scale,
        money=runner.money,
        shares=runner.shares,
        told=runner.told,
        no_cosmos=runner.no_cosmos,
    )
    return run, runner.samples


def main() -> None:
    """Measure, print the report, and write it where it belongs."""
    # As Ctrl-C does: what was started is stopped on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    asked = arguments.parse()
    plan = arguments.plan_of(asked)
    # The load's core: what this process does must not disturb the gateway.
    os.sched_setaffinity(0, {plan.load_core})
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        run, samples = _measure(plan, folder)
    finally:
        if asked.keep:
            print(f"kept: {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    report = document.markdown(run)
    print(report)
    whole = not asked.quick and not asked.only and not asked.what
    into = asked.into or (_HERE if whole else None)
    if into:
        into.mkdir(parents=True, exist_ok=True)
        (into / "RESULTS.md").write_text(report)
        (into / "results.json").write_text(document.machine_readable(run, samples) + "\n")
        print(f"written: {into}/RESULTS.md and results.json", file=sys.stderr)
    if run.failures:
        sys.exit("scripts/bench: not everything could be measured; see “What failed”")


if __name__ == "__main__":
    main()
