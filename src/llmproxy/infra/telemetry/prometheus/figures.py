"""The metrics of what the parts of a gateway report, by the names that they report them under.

A figure is `prefix.name`. Several may be one family with different labels. Figures that are missing
here are shown as gauges that nobody has described, and a test fails.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from llmproxy.infra.telemetry.prometheus.family import Family, family

ALERTS: Final = "alerts"
DEPLOYMENT: Final = "deployment"
_ROOT: Final = "llmproxy"


class Figure(NamedTuple):
    """Which series a figure is."""

    family: Family
    values: tuple[str, ...] = ()


def _one(name: str, text: str) -> Figure:
    return Figure(family(f"{_ROOT}_{name}", text))


def _each(name: str, text: str, label: str, figures: str) -> Iterator[tuple[str, Figure]]:
    """Yield figures of one family. `figures` are words `figure` or `figure=value of the label`."""
    whole = family(f"{_ROOT}_{name}", text, label)
    for word in figures.split():
        figure, _, value = word.partition("=")
        yield figure, Figure(whole, (value or figure,))


def _answers(name: str, what: str) -> dict[str, Figure]:
    asked = f"Requests that looked for {what}: found (hits), asked a provider (misses), or waited "
    return {
        **dict(
            _each(
                f"{name}_requests_total",
                f"{asked}for one that was under way (coalesced).",
                "result",
                "hits=hit misses=miss coalesced",
            )
        ),
        "bytes": _one(f"{name}_bytes", f"Bytes of {what} in memory."),
        "entries": _one(f"{name}_entries", f"Number of {what} in memory."),
        "evictions": _one(f"{name}_evictions_total", f"Of {what}, those that made room."),
        "store_failures": _one(
            f"{name}_store_failures_total", f"Times that Redis could not be asked for {what}."
        ),
    }


def _connection(name: str, what: str = "") -> dict[str, Figure]:
    """Describe a connection to Redis; `what` tells it from the first one, that limits use."""
    return {
        "up": _one(f"{name}_up", f"1 while commands can be sent to Redis{what}."),
        "commands": _one(f"{name}_commands_total", f"Commands sent{what}."),
        "failed": _one(f"{name}_failed_total", f"Commands that failed{what}."),
        "connections": _one(f"{name}_connections_total", f"Connections made{what}."),
        "waiting": _one(f"{name}_waiting", f"Commands whose answer is waited for{what}."),
    }


def _tracing(to: str) -> dict[str, Figure]:
    def one(name: str, text: str) -> Figure:
        return Figure(family(f"{_ROOT}_tracing_{name}", text, "destination"), (to,))

    return {
        "spans_waiting": one("spans_waiting", "Spans that wait to be sent."),
        "spans_sent": one("spans_sent_total", "Spans that were taken."),
        "spans_failed": one("spans_failed_total", "Spans that were sent and not taken."),
        "spans_dropped": one("spans_dropped_total", "Spans for which there was no room."),
        "contents_dropped": one(
            "contents_dropped_total", "Spans whose contents found no room; they went without."
        ),
        "metrics_sent": one("metrics_sent_total", "Messages of OpenTelemetry metrics taken."),
        "metrics_failed": one("metrics_failed_total", "Those that were not taken."),
    }


_CONNECTIONS: Final = "Connections to providers: open, of these idle or active; names looked up."
_STATES: Final = "Deployments that were ever asked, by the state of their breaker or rest."
_REFUSED: Final = "Requests for which there was no room, refused before their body was read."

REPORTED: Final[Mapping[str, Mapping[str, Figure]]] = {
    "requests": {
        "in_flight": _one("requests_in_flight", "Admitted calls that have not ended."),
    },
    "access_log": {
        "lines_dropped_total": _one(
            "access_log_lines_dropped_total", "Access lines that were not written: too many waited."
        ),
    },
    "content_log": {
        "written": _one("content_log_lines_total", "Requests whose contents were logged."),
        "dropped": _one("content_log_lines_dropped_total", "Those for which there was no room."),
        "lost": _one("content_log_lines_lost_total", "Those that could not be written."),
        "deleted_files": _one("content_log_files_deleted_total", "Files too old or too much."),
        "waiting_bytes": _one("content_log_waiting_bytes", "Bytes that wait; at most 64 MiB."),
    },
    "tracing": {
        "requests_waiting": _one("tracing_requests_waiting", "Ended requests not yet told."),
        "requests_dropped": _one("tracing_requests_dropped_total", "Those without room."),
        "requests_broken": _one("tracing_requests_broken_total", "Those that cannot be told."),
        "contents_waiting_bytes": _one(
            "tracing_contents_waiting_bytes", "Contents that wait for their span; at most 64 MiB."
        ),
        "contents_dropped": _one(
            "tracing_request_contents_dropped_total", "Requests whose contents found no room."
        ),
        "contents_broken": _one(
            "tracing_request_contents_broken_total", "Requests whose contents could not be read."
        ),
    },
    "tracing_collector": _tracing("collector"),
    "tracing_azure": _tracing("azure"),
    "process": {
        "tasks": _one("process_tasks", "Tasks of the event loop."),
    },
    "upstream_connections": {
        name: _one(f"upstream_connections_{name}", _CONNECTIONS)
        for name in ("open", "idle", "active", "resolving")
    },
    "kept_reasoning": {
        "entries": _one("kept_reasoning_entries", "Signatures of thoughts that are remembered."),
        "bytes": _one("kept_reasoning_bytes", "Bytes of these; at most 64 MiB."),
    },
    "credentials": {
        "known": _one("credentials_known", "Identities in use whose tokens expire."),
        "failing": _one("credentials_failing", "Those of them that could not be renewed last."),
        "expired": _one("credentials_expired", "Those of them that have no good token."),
    },
    "registry": {
        "models": _one("registry_models", "Deployments that are served."),
        "left_out": _one("registry_left_out", "Documents that cannot be used."),
        "keys": _one("registry_keys", "Keys that are let in."),
        "current": _one("registry_current", "1 while what is served is what the store holds."),
        "heard_seconds_ago": _one(
            "registry_age_seconds", "How long ago the store was heard; absent while it never was."
        ),
    },
    "store": {
        "requests": _one("store_requests_total", "Requests to Cosmos DB, retries included."),
        "request_units": _one("store_request_units_total", "Request units that these cost."),
        "throttled": _one("store_throttled_total", "Those that it answered with 429."),
        "failures": _one("store_failures_total", "Those that failed with 500 or not at all."),
    },
    "ledger": {
        "opened": _one("ledger_opened_total", "Calls admitted: lines of the journal."),
        "closed": _one("ledger_closed_total", "Calls settled: lines of the journal."),
        "open": _one("ledger_open", "Calls admitted and not yet settled."),
        "carried": _one("ledger_carried_total", "Settled calls that the ledger has."),
        "waiting_lines": _one("ledger_waiting_lines", "Settled calls that it does not have yet."),
        "waiting_bytes": _one("ledger_waiting_bytes", "Bytes of the journal not read yet."),
        "oldest_waiting_s": _one(
            "ledger_behind_seconds", "How long the ledger has not caught up with the journal."
        ),
        "failures_in_a_row": _one("ledger_failures_in_a_row", "Failed tries to carry, in a row."),
        "bytes": _one("ledger_journal_bytes", "Bytes of all journal files."),
        "files": _one("ledger_journal_files", "Journal files of this worker."),
        "unwritten": _one("ledger_unwritten", "Settlements that wait for the disk."),
        "lost": _one("ledger_lost_total", "Settlements that could never be written."),
        "unjournalled": _one(
            "ledger_unjournalled_total", "Calls let through that could not be written."
        ),
        "damaged": _one("ledger_damaged_total", "Lines of journals that could not be read."),
        "adopted": _one("ledger_adopted_total", "Journal files of dead workers taken over."),
        "adopted_rows": _one("ledger_adopted_rows_total", "Calls carried from these."),
        "interrupted": _one(
            "ledger_interrupted_total", "Calls among these that were never settled."
        ),
    },
    ALERTS: dict(
        _each(
            "alerts_webhook_total",
            "Messages to the webhook: sent, failed after all tries, or dropped.",
            "result",
            "webhook_sent=sent webhook_failed=failed webhook_dropped=dropped",
        )
    )
    | {"webhook_waiting": _one("alerts_webhook_waiting", "Messages that wait to be sent.")},
    "redis": _connection("redis"),
    "redis_bulk": {
        **_connection("redis_bulk", " (large kept answers)"),
        "bytes": _one("redis_bulk_bytes", "Bytes of large answers on their way to Redis."),
        "refused": _one(
            "redis_bulk_refused_total", "Large answers not kept: too many bytes were on their way."
        ),
    },
    "redis_routing": _connection("redis_routing", " (state of deployments)"),
    "limits": {
        "seated": _one("limits_seated", "1 while this worker counts in Redis."),
        "workers": _one("limits_workers", "Workers that count there."),
        "scopes": _one("limits_scopes", "Scopes that this worker counts."),
        "joining": _one("limits_joining", "Scopes whose counters it is about to join."),
        "rebuilt": _one("limits_rebuilt_total", "Counters rebuilt from the ledger."),
        "told": _one("limits_told_total", "Settlements told to Redis."),
        "refused_while_away": _one(
            "limits_refused_while_away_total", "Calls refused because Redis was away."
        ),
        "passed_while_away": _one(
            "limits_passed_while_away_total", "Calls let through while Redis was away."
        ),
    },
    "cache": _answers("cache", "kept answers"),
    "idempotency": _answers("idempotency", "answers kept for an Idempotency-Key"),
    "routing": dict(
        _each(
            "routing_deployments",
            _STATES,
            "state",
            "deployments_closed=closed deployments_open=open deployments_half_open=half_open "
            "deployments_resting=resting deployments_shedding=shedding",
        )
    )
    | {
        "outstanding": _one("routing_outstanding", "Attempts under way."),
        "retries": _one("routing_retries_total", "Attempts beyond the first of a call."),
        "retries_denied": _one("routing_retries_denied_total", "Those that a budget denied."),
        "waiting": _one("routing_waiting", "Calls that pause before a deployment is asked."),
    },
    "routing_shared": {
        "told": _one("routing_shared_told_total", "Changes of health told to other workers."),
        "heard": _one("routing_shared_heard_total", "Changes of health heard of them."),
        "dropped": _one("routing_shared_dropped_total", "Changes not told: too many waited."),
        "waiting": _one("routing_shared_waiting", "Changes that wait to be told."),
    },
    "admission": dict(
        _each(
            "admission_refused_total",
            _REFUSED,
            "reason",
            "refused_queue_full=queue_full refused_pushed_out=pushed_out refused_timeout=timeout "
            "refused_growth=growth refused_stopping=stopping",
        )
    )
    | {
        "running": _one("admission_running", "Requests that are served."),
        "running_most": _one("admission_running_most", "How many may be."),
        "queued": _one("admission_queued", "Requests that wait for room."),
        "queued_most": _one("admission_queued_most", "How many may wait."),
        "body_bytes": _one("admission_body_bytes", "Bytes that bodies have taken."),
        "body_bytes_most": _one("admission_body_bytes_most", "How many they may take."),
        "left_queue": _one("admission_left_total", "Clients that left while they waited."),
    },
}


def _of_deployment(name: str, text: str) -> Family:
    return family(f"{_ROOT}_{DEPLOYMENT}_{name}", text, DEPLOYMENT)


OF_DEPLOYMENTS: Final[Mapping[str, Family]] = {
    "well": _of_deployment("well", "1 while it is asked in its turn."),
    "failing": _of_deployment("failing", "1 while its breaker is open or tries it."),
    "resting": _of_deployment("resting", "1 while it rests after a 429."),
    "moved_share": _of_deployment("moved_share", "Share of its calls that others take, 0 to 1."),
    "outstanding": _of_deployment("outstanding", "Attempts under way."),
    "latency_seconds": _of_deployment("latency_seconds", "Time to its first content, smoothed."),
    "p95_seconds": _of_deployment("p95_seconds", "The 95th percentile of that time."),
    "load_percent": _of_deployment("load_percent", "How full it says it is."),
    "answers": _of_deployment("answers_total", "Attempts that it answered."),
    "failures": _of_deployment("failures_total", "Attempts that failed."),
    "refusals": _of_deployment("refusals_total", "Attempts that it refused with 429."),
    "openings": _of_deployment("openings_total", "Times that its breaker opened."),
}
TOLD: Final = family(
    "llmproxy_alerts_total",
    "Thresholds of limits that were reached, by the kind of their scope and their field.",
    "scope",
    "limit",
)


def figure_of(prefix: str, name: str) -> Figure:
    """Return which series a reported figure is."""
    found = REPORTED.get(prefix, {}).get(name)
    if found is not None:
        return found
    if prefix == ALERTS:
        scope, _, limit = name.partition("_")
        return Figure(TOLD, (scope, limit))
    return Figure(family(f"{_ROOT}_{prefix}_{name}", "Not described."))


def family_of_each(kind: str, name: str) -> Family:
    """Return the family of a figure that is reported by what it is about."""
    if kind == DEPLOYMENT and name in OF_DEPLOYMENTS:
        return OF_DEPLOYMENTS[name]
    return family(f"{_ROOT}_{kind}_{name}", "Not described.", kind)


def described() -> list[Family]:
    """Return all families of reported figures, each once, in their order."""
    every = [figure.family for figures in REPORTED.values() for figure in figures.values()]
    return list(dict.fromkeys([*every, TOLD, *OF_DEPLOYMENTS.values()]))
