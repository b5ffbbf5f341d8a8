"""The command line's words. Standard library only: --help works before anything is installed."""

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

from bench.plan import FULL, PARTS, QUICK, Plan

_DESCRIPTION = """\
Measures what a request and a stream cost this gateway, beside nginx, sglang-router and LiteLLM's
proxy: CPU time, rates, latency, delay per event, memory and time to start, with a plain and with a
TLS upstream.
A full run takes about 80 minutes and writes bench/RESULTS.md and bench/results.json."""
_EPILOG = """\
parts:
  unary   requests without a stream, at concurrency 64 and 1
  stream  streams of 50 chunks, as fast as they go, at concurrency 64
  paced   200 streams with an event every 20 ms: CPU, and the delay of every event
  memory  RSS idle and with 2,000 open streams
  start   seconds from process start to the first 200
  embeddings  of one text and of 100
  bodies  1 MB relayed: an image in JSON, a form, speech
  uploads RSS with 200 uploads of 10 MB at once
  translated  Claude and Gemini in OpenAI's words: plain, streamed and paced, over plain HTTP; and
          how long the event loop stands still while LiteLLM is imported
  scale   a registry of 10,000 models and 100,000 keys beside one of 10 and 10, in pairs: requests
          and streams, start, memory, and how long the event loop stands still when it changes
  money   limits, ledger and cache switched on, in pairs: in memory, in Redis, and against an
          earlier build; and what an answer from the cache costs
  routing a model of eight deployments beside a model of one, in pairs, strategy by strategy, and
          with one of the eight down
  observe metrics, the log and traces, in pairs: without any, with metrics and log as in production,
          and with 5 % and all requests traced to a collector
  tls     unary, stream and paced over TLS to the upstream as well; on its own, over TLS only

examples:
  scripts/bench                                    the committed figures
  scripts/bench --quick                            two rounds, no LiteLLM, no TLS: 15 minutes
  scripts/bench --quick --what translated          beside LiteLLM, since there is no other peer
  scripts/bench --quick --only ours,sglang --what unary
  scripts/bench --only ours --what money --before ../before-the-ledger
"""


def _names(known: tuple[str, ...], text: str) -> tuple[str, ...]:
    wanted = tuple(filter(None, text.split(",")))
    for name in wanted:
        if name not in known:
            raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(known)}")
    return tuple(name for name in known if name in wanted)


def _sources(text: str) -> Path:
    folder = Path(text).resolve()
    if not (folder / "src" / "llmproxy").is_dir():
        raise argparse.ArgumentTypeError(f"{text} has no src/llmproxy")
    return folder


def parse() -> argparse.Namespace:
    """Read the command line; --help and mistakes end the process."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--quick", action="store_true", help="2 rounds of 3 s, no LiteLLM, no TLS; prints only"
    )
    parser.add_argument(
        "--only",
        type=lambda text: _names(FULL.gateways, text),
        metavar="NAMES",
        help=f"gateways to measure, of {','.join(FULL.gateways)}",
    )
    parser.add_argument(
        "--what",
        type=lambda text: frozenset(_names(PARTS, text)),
        metavar="PARTS",
        help=f"parts to measure, of {','.join(PARTS)}",
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds of measurements")
    parser.add_argument(
        "--seconds",
        type=float,
        metavar="S",
        help="length of one measurement, but of routing and observe",
    )
    parser.add_argument(
        "--cores", metavar="G,L", help="core of the gateway and core of the load (default: 1,0)"
    )
    parser.add_argument(
        "--before",
        type=_sources,
        metavar="FOLDER",
        help="a checkout without a ledger (such as of cf0305c) that money is compared with",
    )
    parser.add_argument(
        "--into", type=Path, metavar="FOLDER", help="write RESULTS.md and results.json there"
    )
    parser.add_argument("--keep", action="store_true", help="keep the folder with all logs")
    return parser.parse_args()


def plan_of(arguments: argparse.Namespace) -> Plan:
    """Turn it into a plan. Ends the process where two cores cannot be had."""
    plan = QUICK if arguments.quick else FULL
    if arguments.what and "translated" in arguments.what:
        plan = replace(plan, gateways=FULL.gateways)
    plan = replace(
        plan,
        gateways=arguments.only or plan.gateways,
        parts=arguments.what or plan.parts,
        rounds=arguments.rounds or plan.rounds,
        slow_rounds=min(plan.slow_rounds, arguments.rounds or plan.slow_rounds),
        seconds=arguments.seconds or plan.seconds,
        earlier=str(arguments.before or ""),
    )
    if arguments.cores:
        gateway, load = map(int, arguments.cores.split(","))
        plan = replace(plan, gateway_core=gateway, load_core=load)
    available = os.sched_getaffinity(0)
    if not {plan.gateway_core, plan.load_core} <= available or plan.gateway_core == plan.load_core:
        sys.exit(f"scripts/bench: two cores are needed, of {sorted(available)}; see --cores")
    return plan


if __name__ == "__main__":
    parse()
