"""Ours without figures of its requests: `python -m bench.unobserved serve`.

No setting switches them off, so this launcher does: before anything is made, it puts methods that
do nothing in the place of those that count a settled call, a refusal, and a request by its route
and status. All else is the gateway's own code, and all commands work. A bench may patch what it
measures; nothing else here may. What is read only when somebody asks, and the ten looks a second
at the event loop, stay.

The lines of requests are switched off by the gateway's own `ACCESS_LOG=off` (`bench/observed.py`);
the method that counts a request is also the one that hands it to their log.

Run by the Python of the run environment, with PYTHONPATH leading to the root of the checkout.
"""

from typing import Final

from llmproxy.cli import main
from llmproxy.infra.telemetry.prometheus.calls import CallMeter
from llmproxy.infra.telemetry.prometheus.requests import Counted

REPLACED: Final[tuple[tuple[type, str], ...]] = (
    (CallMeter, "settled"),
    (CallMeter, "refused"),
    (Counted, "write"),
)
"""Whatever counts something for every request."""


class NoSuchMethodError(RuntimeError):
    """The gateway counts in another way by now: this launcher would replace nothing."""


def stop_counting() -> None:
    """Replace them. Raises NoSuchMethodError."""
    for owner, name in REPLACED:
        if name not in vars(owner):
            raise NoSuchMethodError(f"{owner.__name__} has no method {name}")
        setattr(owner, name, _nothing)


def _nothing(*_: object) -> None:
    """Count nothing."""


if __name__ == "__main__":
    stop_counting()
    main()
