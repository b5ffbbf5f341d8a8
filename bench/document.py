"""Writes RESULTS.md and results.json."""

import dataclasses
import json

from bench import report_money, report_observed, report_routing, report_scale, report_translated
from bench.plan import FULL
from bench.report import Run, sizes, speeds, table, target_table
from bench.samples import Sample

_HOW = """\
- One run on one machine. The gateway's process tree is bound to one core with `taskset`; the load
  generator and the fake upstream share another. CPU is that of the whole tree by the CPU clocks of
  its processes, all threads included, per answer. LLM Proxy's is counted until its ledger has taken
  every call of the run: `llmproxy_ledger_waiting_lines` at `/metrics` is 0.
- Gateways are measured in turn, round by round, every second round in reverse order. A figure is
  the median over the rounds with the range; a ratio is made within a round first. LiteLLM runs on
  its own, in fewer rounds.
- Before it is measured a gateway must give the right answer: nginx, sglang-router and LLM Proxy
  the upstream's very bytes, LiteLLM the same text and usage; LLM Proxy and LiteLLM must refuse a
  wrong key. Streams count only when they ended in `[DONE]`.
- Request: a chat of about 700 bytes with a bearer key. Answer: about 1 kB; a stream is 50 events
  of about 290 bytes and `[DONE]`, each written on its own by the upstream. The upstream streams
  usage only when asked, as OpenAI does: LLM Proxy asks, so it reads one event more than the
  others and takes it out again.
- *Core busy* below 100 % means that the load ran out before the gateway did: its CPU figure
  stands, its rate would be higher.
- Paced: the upstream spreads the events of all streams evenly in steps of 100 µs, and each event
  carries the clock at which it was written. Load and upstream share a core, so *direct* has a
  delay too; *over direct* is the difference of the two quantiles.
- The paced *direct* under TLS is the upstream without TLS: client and upstream share a core, and
  TLS at both ends of it would delay events more than a gateway does.
- Saturated runs and concurrency 1 are wrk's. What is in flight when it stops was paid for and not
  answered: well under 1 % for all but LiteLLM, whose requests therefore run four times as long (up
  to 5 % remain, in our favour), and of whose streams a fixed number is counted instead.
- LLM Proxy runs as `llmproxy serve`, one worker, with all that exists switched on: keys,
  {models:,} registered models, reservation and settlement, journal, ledger, access log; but for
  *Limits, ledger and cache* with a key without limits and without a cache. nginx: one worker,
  buffering off, 128 kept connections, no access log. sglang-router: one worker behind it, default
  policy (another made no difference), log level warn. LiteLLM: one worker, no database,
  `LITELLM_MODE=PRODUCTION`.
- Over TLS the upstream shows a certificate of an authority made for the run. All trust it by file
  and verify: nginx by `proxy_ssl_trusted_certificate`, sglang-router by `--ca-cert-paths`,
  LiteLLM and LLM Proxy by `SSL_CERT_FILE`.
- Translated: the upstream says the same texts in Anthropic's and in Gemini's wire, 50 chunks of
  text in a stream and what these wires have around them, each event written on its own; usage and
  reason to end are checked too. Gateways are set up for it anew, with both models beside the
  others. CPU of a chunk is that of a stream, by 50. LLM Proxy calls Gemini as Vertex AI, with a
  service account's token; LiteLLM as AI Studio, with a key, since its proxy brings no google-auth:
  the same translator of theirs, without the token. Paced: {paced} streams; LiteLLM cannot keep
  that pace, and its streams are a fixed number.
- LiteLLM is imported by the gateway's own loader, in a process bound to one core; the longest time
  between two turns of a task that wants one every millisecond.
- *LLM Proxy beside LiteLLM* is the same set-up in an environment that has LiteLLM too, without a
  model that needs it: were it imported, the start would take seconds longer.
- A large registry: {many_models:,} models and {many_keys:,} keys in SQLite beside {few} and {few},
  both gateways up at once and measured in pairs. Requests take turns over ten models and ten keys
  of either, far apart in the large one, in the end each with each. *Asked all over* is the same
  over 200 and 200 of the large one, against the ten of the small one: beside the size of the
  registry that measures a working set which the processor's caches hold less of. A target holds
  when the median of the paired differences is no more than what lies between the small one's median
  and its highest round. *RSS at most* is VmHWM after all load.
- The event loop is watched in a process of its own that runs the gateway over the large file while
  another connection changes it: the longest time between two turns of a task that wants one every
  millisecond.
- Limits, ledger and cache: a key with limits (requests and tokens per minute, cost per day and per
  month, concurrent requests), its project (tokens per minute, cost per month) and the model
  (requests per minute), none ever reached, and the model's cache on. In a *miss* every request asks
  another question, as those without limits do too; a *hit* is the same question again. The
  gateway's own counters are looked at to see that they are. *Threads* are all of the process but
  the one of the event loop, by their schedstat: they read the journal and write SQLite. Redis is a
  real redis-server without files, on the load's core; its own CPU is told beside the gateway's and
  is not in it. The earlier build is run by the same Python with the same packages.
- Routing: one gateway with a model of one document and models of eight, all of them leading to the
  same upstream: a pair differs in the model that is asked, and in nothing else. The eight have
  uneven weights, one priority and two retries; breakers and the budget of retries are always there.
  They are asked in slices that take turns, of 240 requests at c=1 and of 640 at c=64, and the CPU
  clock of the gateway's process is read where they change: 10 µs are less than what the machine's
  own speed changes by from one second to the next, so that a pair must be a fraction of a second.
  Each pair of slices is a round. None waits for the ledger, whose work behind falls on all of them
  alike. *Once more* is the same model a second time in each turn: what the difference is where
  there is none. A target holds when the median of the paired differences does; the range is that of
  single slices, of which the longest had the machine taken from them. What each deployment has
  answered is read at `/admin/routing`: every one has, those in turn as often as their weights say.
  At last one of eight, the one with most weight, leads to where nobody listens: its breaker opens
  in the warm-up, and it is asked again by one call after 5 s to a minute, which goes on to another
  deployment. No call may fail. One is measured again beside it: while a deployment is unwell, all
  calls are looked at closer.
- Metrics, log and traces: a gateway for each way, all up at once. *No metrics, no log* is run by a
  launcher that replaces the methods which count a call, a refusal and a request, with
  `ACCESS_LOG=off`; the others write their lines as JSON into a pipe, which is read on the load's
  core. Traces go to a collector there, which counts spans and answers at once;
  `parentbased_traceidratio`, and no request has a `traceparent`. A span that is dropped costs less
  than one that is sent, so the share of these belongs to the figure. They are asked in slices that
  take turns, as in *routing*: a slice has all the CPU of its process until the process's next slice
  begins. Twelve slices at c=64, or twenty at c=1, are added up to a round, for what comes now and
  then, as spans that are sent, is in few of them. *Another process* is one more of the same: what
  differs where nothing does. After each round it is proven: the first has counted and written
  nothing, and all its calls are in the journal; the others have written as many lines as they count
  requests, which are the load's; the collector has what the gateway says was sent, and that is the
  share of requests that was asked for.
- On Cosmos DB: `@vercel/cosmosdb-server` behind the wrapper of `tests/emulator`, spoken to by the
  vendor's SDK with a key.
- Starts are warm: files in the page cache, bytecode compiled. RSS is the sum over the process
  tree.
"""


def markdown(run: Run) -> str:
    """Put the report together."""
    lines = [
        "# What the gateway costs",
        "",
        f"Written by `{run.command}` on {run.date}. Only ratios within one run mean anything.",
        "",
        "## Against the targets",
        "",
        *target_table(run),
    ]
    for transport in run.plan.transports:
        lines += speeds(run, transport)
    if run.plan.wants("translated"):
        lines += report_translated.tables(run)
    if run.scale is not None:
        lines += report_scale.tables(run, run.scale)
    if run.money is not None:
        lines += report_money.tables(run)
    if run.plan.wants("routing"):
        lines += report_routing.tables(run)
    lines += report_observed.tables(run)
    if run.footprints:
        lines += sizes(run)
    lines += [
        "## How it was measured",
        "",
        _HOW.format(
            models=run.plan.other_models + 1,
            paced=run.plan.paced_translated,
            few=run.plan.few,
            many_models=run.plan.many_models,
            many_keys=run.plan.many_keys,
        ),
    ]
    lines += ["## Machine", "", *table(("what", ""), run.machine.items())]
    lines += [run.noise, ""]
    if run.failures:
        lines += ["## What failed", "", *(f"- {failure}" for failure in run.failures), ""]
    return "\n".join(lines)


def _sample(sample: Sample) -> dict[str, object]:
    return {
        name: round(value, 4) if isinstance(value, float) else value
        for name, value in dataclasses.asdict(sample).items()
    }


def machine_readable(run: Run, samples: list[Sample]) -> str:
    """Put the same into JSON, with every single sample."""
    plan = {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in dataclasses.asdict(run.plan).items()
        if name != "earlier"
    }
    return json.dumps(
        {
            "date": run.date,
            "command": run.command,
            "plan": plan,
            "complete": run.plan.rounds >= FULL.rounds,
            "machine": run.machine,
            "versions": run.titles,
            "noise": run.noise,
            "failures": run.failures,
            "stalls": [dataclasses.asdict(found) for found in run.stalls],
            "money": dataclasses.asdict(run.money) if run.money else None,
            "routing": [dataclasses.asdict(found) for found in run.shares],
            "observe": {
                name: {kind: dataclasses.asdict(told) for kind, told in kinds.items()}
                for name, kinds in run.told.items()
            },
            "scale": dataclasses.asdict(run.scale) if run.scale else None,
            "footprints": [dataclasses.asdict(found) for found in run.footprints],
            "samples": [_sample(sample) for sample in samples],
        },
        indent=1,
        ensure_ascii=False,
    )
