"""The metrics that the gateway counts for calls, requests, its loop and its process.

Those that its parts report are in `figures.py`. `docs/metrics.md` has them all: a test compares.
"""

from typing import Final

from llmproxy.infra.telemetry.prometheus.family import Family, Kind, family

DURATIONS_S: Final = (
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0,
)  # fmt: skip
"""Of calls and attempts. Answers of reasoning models take minutes; 600 s is the SDKs' own limit."""
FIRST_CONTENT_S: Final = (
    0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0,
    300.0,
)  # fmt: skip
OVERHEAD_S: Final = (
    0.00005, 0.0001, 0.00015, 0.0002, 0.0003, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1,
    0.25, 0.5, 1.0,
)  # fmt: skip
LAG_S: Final = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)

_BY_MODEL: Final = ("model", "provider", "operation")

REQUESTS: Final = family(
    "llmproxy_requests_total",
    "Admitted calls that have ended, by outcome and the gateway's own error code.",
    *_BY_MODEL,
    "outcome",
    "code",
)
DURATION: Final = Family(
    "llmproxy_request_duration_seconds",
    Kind.HISTOGRAM,
    "From arrival to settlement of admitted calls, whatever became of them.",
    _BY_MODEL,
)
FIRST_CONTENT: Final = Family(
    "llmproxy_time_to_first_token_seconds",
    Kind.HISTOGRAM,
    "From arrival to the first content of streamed answers.",
    _BY_MODEL,
)
OVERHEAD: Final = Family(
    "llmproxy_overhead_seconds",
    Kind.HISTOGRAM,
    "Of the duration of admitted calls, what was not waited for providers.",
    ("operation",),
)
ATTEMPTS: Final = family(
    "llmproxy_upstream_attempts_total",
    "Tries at deployments, by the code of their failure; none where they answered.",
    "deployment",
    "provider",
    "code",
)
UPSTREAM: Final = Family(
    "llmproxy_upstream_duration_seconds",
    Kind.HISTOGRAM,
    "What a try at a deployment took, to the end of its answer or its failure.",
    ("deployment", "provider"),
)
TOKENS: Final = family(
    "llmproxy_tokens_total",
    "Tokens as the ledger has them; a token is of one type only.",
    "model",
    "provider",
    "type",
)
IMAGES: Final = family("llmproxy_images_total", "Images that were made.", "model", "provider")
CHARACTERS: Final = family(
    "llmproxy_characters_total", "Characters that were read aloud.", "model", "provider"
)
AUDIO: Final = family(
    "llmproxy_audio_seconds_total",
    "Seconds of sound that were written down or read aloud.",
    "model",
    "provider",
)
ESTIMATED: Final = family(
    "llmproxy_estimated_usage_total",
    "Calls whose usage the provider did not tell, so that the gateway estimated it.",
    "model",
    "provider",
)
COST: Final = family(
    "llmproxy_cost_total",
    "Cost as the ledger has it, in units of the currency; exact, in billionths.",
    "model",
    "provider",
    "currency",
)
OF_CALLS: Final = (
    REQUESTS, DURATION, FIRST_CONTENT, OVERHEAD, ATTEMPTS, UPSTREAM, TOKENS, IMAGES, CHARACTERS,
    AUDIO, ESTIMATED, COST,
)  # fmt: skip
OVERFLOWED: Final = family(
    "llmproxy_metrics_overflowed_total",
    "Calls and tries counted under other, because there was no room for a series of their own.",
)
LINES: Final = family("llmproxy_metrics_lines", "Lines that the series of calls take here.")
LIMITED: Final = family(
    "llmproxy_limit_refusals_total",
    "Calls refused by a limit, by the kind of its scope and its field in the document.",
    "scope",
    "limit",
)
HTTP_REQUESTS: Final = family(
    "llmproxy_http_requests_total",
    "Requests that were answered, also those that never became a call; 499 where the client left.",
    "route",
    "method",
    "status",
)
LAG: Final = Family(
    "llmproxy_event_loop_lag_seconds",
    Kind.HISTOGRAM,
    "How late the event loop comes to a timer, looked at ten times a second.",
)
LAG_MAX: Final = family(
    "llmproxy_event_loop_lag_max_seconds", "The largest of these within the last 60 to 120 s."
)
BUILD: Final = family("llmproxy_build_info", "Always 1.", "version", "python")
WORKERS: Final = Family(
    "llmproxy_workers",
    Kind.GAUGE,
    "Workers that serve from this data folder, seen by the one that was asked.",
    shared=True,
)
WORKERS_MISSING: Final = Family(
    "llmproxy_workers_missing",
    Kind.GAUGE,
    "Those of them that did not tell their figures this time.",
    shared=True,
)
SCRAPES_FAILED: Final = family(
    "llmproxy_worker_scrapes_failed_total",
    "Times that another worker did not tell this one its figures within half a second.",
)
CPU: Final = family("process_cpu_seconds_total", "User and system CPU time spent.")
RESIDENT: Final = family("process_resident_memory_bytes", "Resident memory size.")
OPEN_FDS: Final = family("process_open_fds", "File descriptors that are open.")
MAX_FDS: Final = family("process_max_fds", "File descriptors that may be open.")
START: Final = family("process_start_time_seconds", "Start of the process, in unix seconds.")
GC: Final = family(
    "python_gc_collections_total", "Rounds of Python's garbage collector.", "generation"
)
OF_PROCESS: Final = (CPU, RESIDENT, OPEN_FDS, MAX_FDS, START, GC)
COUNTED: Final = (
    *OF_CALLS, OVERFLOWED, LINES, LIMITED, HTTP_REQUESTS, LAG, LAG_MAX, BUILD, WORKERS,
    WORKERS_MISSING, SCRAPES_FAILED, *OF_PROCESS,
)  # fmt: skip
"""All that are not reported by parts."""
