"""Registries over a few deployments."""

from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.registry import Registry
from llmproxy.application.snapshot import Snapshot
from llmproxy.domain.caller import Auth, Caller, key_digest
from tests.fakes.clock import FakeClock
from tests.fakes.upstream import deployment

KEY = b"sk-llmproxy-1"
NARROW = Caller("key_2", "alpha", frozenset({"open", "two-b"}), admin=False, expires_at=None)

OPEN = deployment(id="open-1", code="open")
TWO_A = deployment(id="two-a", code="two")
TWO_B = deployment(id="two-b", code="two")
PRIVATE = deployment(id="private", code="private", private=True, projects=["alpha"])
PICTURES = deployment(id="pictures", code="pictures", operations=["images"])
ALL = (OPEN, TWO_A, TWO_B, PRIVATE, PICTURES)


def registry_of(
    *deployments: Deployment,
    callers: tuple[Caller, ...] = (),
    keyless: bool = False,
    auth: Auth = Auth.LOCAL,
) -> Registry:
    """Answer from these deployments; every caller has the key KEY."""
    registry = Registry(FakeClock(), auth)
    keys = {key_digest(KEY): caller for caller in callers}
    registry.install(Snapshot(deployments, keys, keyless))
    return registry


def here() -> bool:
    """Whoever calls is on this machine."""
    return True


def elsewhere() -> bool:
    """Whoever calls is somewhere else."""
    return False
