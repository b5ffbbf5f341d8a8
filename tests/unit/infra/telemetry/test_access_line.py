"""Access lines in JSON and for people: what they say, and that nobody can forge one."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.application.interfaces.journal import Attempt, Outcome
from llmproxy.application.interfaces.trace import Trace
from llmproxy.domain.caller import ANYONE
from llmproxy.domain.secret import Secret
from llmproxy.infra.telemetry.access_line import JsonLines
from llmproxy.infra.telemetry.access_text import TextLines
from llmproxy.infra.telemetry.one_line import contained, in_ascii
from llmproxy.infra.wire.hiding import HIDDEN
from tests.unit.infra.telemetry.visits import CALLER, REQUEST_ID, Visit, call, closed

LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (\d+) ([A-Z]+) (\S.*) (\S+) +\d+\.\dms (req_[0-9a-f]+)"
)
ODD = "\n2026-11-23 forged\r\x1b[2J\u2028\x85\x7f"
SECRET = "planted-0123456789-secret"
ENDED_AT = 1_795_638_000.25


def text(visit: Visit, *, coloured: bool = False) -> str:
    """The line for people."""
    return TextLines(coloured=coloured).line(visit, 0.0032, ENDED_AT).decode()


def fields(visit: Visit, *, client_ip: bool = False) -> dict[str, Any]:
    """The line in JSON."""
    lines = JsonLines({"azure-1": "AzureOpenAI"}.get, client_ip=client_ip)
    found: dict[str, Any] = json.loads(lines.line(visit, 0.123456, ENDED_AT))
    return found


def test_a_line() -> None:
    """Status, method, path, model, duration and id."""
    line = text(Visit())

    matched = LINE.fullmatch(line.rstrip("\n"))
    assert matched is not None
    assert line.startswith("2026-11-25T20:20:00.250Z ")
    assert " 200 POST /v1/chat/completions mini " in line
    assert line.endswith(f" 3.2ms {REQUEST_ID}\n")


def test_without_a_model() -> None:
    """A request that named no model has a dash in its place."""
    assert " /v1/chat/completions - " in text(Visit(subject=""))


def test_people_see_what_went_otherwise() -> None:
    """Tokens, the outcome where it is not the usual one, and the code of an error."""
    assert text(Visit(call=call(closed()))).endswith(f"{REQUEST_ID} 15+37\n")
    failed = closed(Outcome.FAILED, error="upstream_error")
    assert text(Visit(status=502, call=call(failed))).endswith(" 15+37 failed upstream_error\n")
    assert text(Visit(status=401, error="invalid_api_key")).endswith(" invalid_api_key\n")


def test_durations_stand_below_one_another() -> None:
    """Lines of usual lengths have their columns in one place."""
    ends = {
        line.index("ms req_")
        for line in (text(Visit()), text(Visit(subject="a-longer-name")), text(Visit(status=404)))
    }
    assert len(ends) == 1


@pytest.mark.parametrize(("status", "colour"), [(200, "32"), (404, "33"), (502, "31")])
def test_colours_are_for_terminals(status: int, colour: str) -> None:
    """Only where somebody looks at it."""
    assert f"\x1b[{colour}m{status}\x1b[0m" in text(Visit(status=status), coloured=True)
    assert "\x1b" not in text(Visit(status=status))


def test_all_that_is_known_of_a_call() -> None:
    """Its row of the ledger, the caller, and how long it took."""
    found = fields(Visit(caller=CALLER, call=call(closed(), "alias"), subject="alias"))

    stamp = found.pop("timestamp")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", stamp)
    assert found == {
        "level": "INFO",
        "logger": "llmproxy.access",
        "message": "POST /v1/chat/completions 200",
        "request_id": REQUEST_ID,
        "method": "POST",
        "path": "/v1/chat/completions",
        "status": 200,
        "duration_ms": 123.456,
        "model": "mini",
        "asked_model": "alias",
        "operation": "ChatCompletion",
        "stream": False,
        "key_id": "key_1",
        "project": "alpha",
        "outcome": "finished",
        "deployment": "azure-1",
        "provider": "AzureOpenAI",
        "attempts": 1,
        "upstream_status": 200,
        "input_tokens": 12,
        "cache_read_tokens": 3,
        "output_tokens": 33,
        "reasoning_tokens": 4,
        "cost": 0.000012345,
        "currency": "USD",
        "first_token_ms": 250.0,
        "overhead_ms": 0.313,
    }


def test_what_never_was_a_call() -> None:
    """A request without a key: only what is known of it."""
    found = fields(Visit(status=401, subject="", error="invalid_api_key"))

    assert found["error"] == "invalid_api_key"
    assert not {"key_id", "project", "model", "outcome", "cost", "operation"} & set(found)
    assert fields(Visit(status=500, error="internal_error"))["level"] == "ERROR"


def test_a_call_that_was_refused_at_the_gate() -> None:
    """A limit: who asked for what is known, and nothing was used."""
    refused = Visit(status=429, error="rate_limit_exceeded", caller=CALLER, call=call())
    found = fields(refused)

    assert (found["model"], found["key_id"], found["project"]) == ("mini", "key_1", "alpha")
    assert (found["error"], found["operation"]) == ("rate_limit_exceeded", "ChatCompletion")
    assert not {"outcome", "cost", "attempts", "deployment"} & set(found)


def test_retries_and_failures() -> None:
    """How many were asked, who was the last, and what came of it."""
    tried = [Attempt("azure-2", "upstream_error", 0.1, 500), Attempt("azure-1", "x", 0.1, 503)]
    entry = closed(Outcome.FAILED, attempts=tried, status=503, error="upstream_error")
    found = fields(Visit(status=502, caller=CALLER, call=call(entry)))

    assert (found["attempts"], found["upstream_status"], found["outcome"]) == (2, 503, "failed")
    assert found["error"] == "upstream_error"


def test_ids_of_others() -> None:
    """The client's own id, OpenAI's header for it first, and the provider's."""
    head = b"content-type: application/json\nx-llmproxy-upstream-request-id: req_theirs\nx-a: b"
    headers = {b"x-request-id": b"of-the-proxy"}
    found = fields(Visit(headers=headers, head=head))
    assert (found["client_request_id"], found["upstream_request_id"]) == (
        "of-the-proxy",
        "req_theirs",
    )

    headers[b"x-client-request-id"] = b"x" * 5000
    assert fields(Visit(headers=headers))["client_request_id"] == "x" * 128


def test_cache_and_tags() -> None:
    """What a cache did, and the caller's own words."""
    tagged = call(closed(Outcome.CACHED))
    tagged.tags = ("team=a", "b")
    found = fields(Visit(head=b"x-llmproxy-cache-status: hit", call=tagged))
    assert (found["cache"], found["tags"]) == ("hit", ["team=a", "b"])


def test_where_a_request_stands_in_a_trace() -> None:
    """By the names and forms of OpenTelemetry's logs."""
    trace = Trace(0xABC, 0, 1, b"", lambda: 0xDEF)
    found = fields(Visit(trace=trace))
    assert (found["trace_id"], found["span_id"]) == (f"{0xABC:032x}", f"{trace.span_id:016x}")


def test_addresses_are_left_out() -> None:
    """They are personal data: only where a setting asks for them."""
    assert "client_ip" not in fields(Visit())
    assert fields(Visit(), client_ip=True)["client_ip"] == "192.0.2.7"


def test_no_secret_whoever_wrote_it() -> None:
    """A provider's word, a path, a name of a model, an id or a tag that holds one is masked."""
    HIDDEN.add(Secret(SECRET))
    anonymous = replace(ANYONE, tag=SECRET)
    asked = call(None, SECRET, anonymous)
    asked.tags = (SECRET,)
    path = {"method": "GET", "path": f"/v1/{SECRET}"}
    visits = (
        Visit(path, subject=SECRET, error=SECRET, caller=anonymous),
        Visit(
            headers={b"x-request-id": SECRET.encode()},
            head=b"x-llmproxy-upstream-request-id: " + SECRET.encode(),
            subject=SECRET,
            error=SECRET,
            caller=anonymous,
            call=asked,
        ),
    )
    for visit in visits:
        assert SECRET not in text(visit)
        written = json.dumps(fields(visit))
        assert SECRET not in written
        assert written.count("*****") >= 4


@given(st.text(max_size=300), st.text(max_size=300))
def test_nothing_forges_a_line(path: str, model: str) -> None:
    """Whatever path and model hold, there is one line of bounded length, its status first."""
    written = text(Visit({"method": "GET", "path": "/" + path}, subject=model))

    assert written[:-1].isprintable()
    assert len(written.splitlines()) == 1
    assert len(written) < 3_000
    matched = LINE.fullmatch(written.rstrip("\n"))
    assert matched is not None
    assert (matched[1], matched[2], matched[5]) == ("200", "GET", REQUEST_ID)


@given(*[st.text(st.characters(), max_size=300)] * 4)
def test_nothing_forges_a_line_in_json(path: str, model: str, error: str, id_: str) -> None:
    """One object on one line, whatever others wrote, lone surrogates too."""
    visit = Visit({"method": "GET", "path": "/" + path + ODD}, subject=model, error=error)
    visit.headers = {b"x-request-id": id_.encode("utf-8", "replace")}
    line = JsonLines(lambda _: None).line(visit, 0.1, ENDED_AT)

    assert line.endswith(b"\n")
    assert line[:-1].decode().isprintable()
    assert len(line) < 10_000
    assert json.loads(line)["status"] == 200


@given(st.text(max_size=50))
def test_containing_changes_no_value(value: str) -> None:
    """Escapes are escapes: the JSON value is the same."""
    raw = json.dumps({"a": value}, ensure_ascii=False).encode()
    assert json.loads(contained(raw)) == {"a": value}
    assert contained(raw).decode().isprintable()
    assert json.loads(in_ascii(raw)) == {"a": value}
    assert in_ascii(raw).isascii()


def test_notices_have_the_same_form() -> None:
    """What is said of the lines themselves."""
    assert json.loads(JsonLines(lambda _: None).notice("7 dropped"))["message"] == "7 dropped"
    assert TextLines().notice("7 dropped").endswith(b"Z 7 dropped\n")
