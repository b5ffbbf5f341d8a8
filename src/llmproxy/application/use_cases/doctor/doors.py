"""Who is let in, and over what: settings that leave a door open or shut out everybody."""

from collections.abc import Iterator
from typing import NamedTuple

from llmproxy.application.use_cases.doctor.findings import Finding, Findings, ok, problem, warning
from llmproxy.domain.caller import Auth


class Doors(NamedTuple):
    """What the settings say. `keyless` is None where the store could not be asked."""

    auth: Auth
    host: str
    on_loopback: bool
    stage: str
    tls: bool
    admin_key: bool
    keyless: bool | None
    env_file_open: str | None = None
    """The `.env` that other users of the machine may read."""
    any_origin: bool = False
    """Whether pages of every origin may call (CORS_ALLOW_ORIGINS=*)."""

    @property
    def developing(self) -> bool:
        """Whether ENVIRONMENT says so."""
        return self.stage.lower() == "development"


def look_at_doors(doors: Doors) -> Findings:
    """Judge them."""
    return list(_found(doors)) or [ok(_well(doors))]


def _well(doors: Doors) -> str:
    if doors.auth is Auth.LOCAL and doors.keyless:
        return "only this machine is let in while there is no key"
    return "every caller needs a key"


def _found(doors: Doors) -> Iterator[Finding]:
    if doors.auth is Auth.OPEN:
        yield _open(doors)
    if doors.auth is Auth.KEYS and doors.keyless and not doors.admin_key:
        yield problem(
            "keys are needed and there are none: the gateway will not start",
            "make one: llmproxy keys create --project NAME, or set LLMPROXY_ADMIN_KEY",
        )
    if not doors.on_loopback and not doors.tls:
        yield warning(
            f"HOST={doors.host} is reached by other machines without TLS: keys and prompts can be "
            "read on the way",
            "let a proxy or load balancer end TLS before it, or set TLS_CERT_FILE and TLS_KEY_FILE",
        )
    if doors.env_file_open is not None:
        yield warning(
            f"{doors.env_file_open} can be read by other users of this machine",
            f"chmod 600 {doors.env_file_open}",
        )
    if doors.any_origin and doors.auth is not Auth.KEYS:
        yield problem(
            "CORS_ALLOW_ORIGINS=* lets every web page call a gateway that asks for no key",
            "name the origins of your own pages, or set AUTH=keys",
        )


def _open(doors: Doors) -> Finding:
    todo = "set AUTH=keys, and give each project a key: llmproxy keys create --project NAME"
    if doors.on_loopback and doors.developing:
        return warning("AUTH=open: this machine uses all public models without a key", todo)
    if doors.on_loopback:
        who = "whoever reaches this machine, through a proxy on it too,"
    else:
        who = f"whoever reaches {doors.host}"
    return problem(f"AUTH=open: {who} uses all public models without a key", todo)
