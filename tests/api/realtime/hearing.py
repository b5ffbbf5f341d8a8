"""What a simulated provider heard of a session."""

import time

from tests.api.conftest import Upstreams
from tests.simulators.recording import RecordedRequest


def heard(upstreams: Upstreams, count: int) -> RecordedRequest:
    """The only session's record, once the provider has received so many messages."""
    until = time.monotonic() + 10
    while True:
        records = upstreams.openai.requests
        if records and len(records[0].heard.messages) >= count:
            [record] = records
            return record
        assert time.monotonic() < until, "the provider did not hear all"
        time.sleep(0.005)
