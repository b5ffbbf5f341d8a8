"""The check of a running gateway, at --url: what its own health says."""

from collections.abc import Mapping
from typing import Final

from llmproxy.application.use_cases.doctor.findings import Finding, Findings, ok, problem, warning
from llmproxy.config import SettingError, Settings
from llmproxy.domain.errors import GatewayError, Unavailable
from llmproxy.domain.secret import Secret
from llmproxy.infra.remote.address import Address, address
from llmproxy.infra.remote.exchange import Exchange

NOT_THERE: Final = "see that it runs and that this is its address: its log says where it serves"
LOOK: Final = "set LLMPROXY_ADMIN_KEY to one of its admin keys to see which, and why"
MEND: Final = "mend what it says; a variable or .env is read at its start only"


def gateway_at(url: str) -> Address:
    """Return where a gateway is. Raises SettingError."""
    try:
        return address(url)
    except ValueError as error:
        raise SettingError(f"--url: {error}") from None


async def running_check(place: Address, settings: Settings, limit_s: float) -> Findings:
    """Ask `/health/ready`, as an administrator where there is a key."""
    key = settings.access.admin_key
    if place.in_the_clear:
        key = None  # it would be read on the way; health is told without it
    exchange = Exchange(place, key or Secret("no-key"), timeout_s=limit_s)
    try:
        report = (await exchange.ask("GET", "/health/ready")).values
    except Unavailable as error:
        return [problem(f"{error.message} {error.detail}".strip(), NOT_THERE)]
    except GatewayError as error:
        return [problem(f"{place.text}: {error.message}", NOT_THERE)]
    finally:
        await exchange.close()
    found = [*_counted(report), *_registry(report), *_limits(report), *_warnings(report)]
    return [ok(f"{place.text} is {report.get('status')}"), *found]


def _counted(report: Mapping[str, object]) -> list[Finding]:
    found = []
    for kind, bad in (("models", "not_ready"), ("credentials", "failing"), ("secrets", "failing")):
        part = report.get(kind)
        number = part.get(bad) if isinstance(part, dict) else None
        if number:
            reasons = part.get("reasons") if isinstance(part, dict) else None
            said = "; ".join(f"{name}: {why}" for name, why in (reasons or {}).items())
            found.append(
                problem(f"{number} {kind} cannot be used. {said}".strip(), MEND if said else LOOK)
            )
    return found


def _registry(report: Mapping[str, object]) -> list[Finding]:
    part = report.get("registry")
    if not isinstance(part, dict) or part.get("current"):
        return []
    away = "; ".join(f"{kind}: {why}" for kind, why in (part.get("away") or {}).items())
    return [problem(f"its registry is not current. {away}".strip(), "see the check of the store")]


def _limits(report: Mapping[str, object]) -> list[Finding]:
    part = report.get("limits")
    if not isinstance(part, dict):
        return []
    return [problem(f"limits do not hold: {part.get('reason', '')}", "set REDIS_URL")]


def _warnings(report: Mapping[str, object]) -> list[Finding]:
    said = report.get("warnings")
    texts = said if isinstance(said, list) else []
    return [warning(str(each), "set AUTH=keys") for each in texts]
