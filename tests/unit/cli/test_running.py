"""Where a command works: the store, or a gateway."""

import pytest

from llmproxy.cli.moments import grace
from tests.unit.cli.conftest import Run

KEY = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("arguments", "env", "message"),
    [
        (("--url", "http://127.0.0.1:9", "--data-dir", "x"), {}, "not both"),
        (("--url", "http://127.0.0.1:9"), {}, "LLMPROXY_ADMIN_KEY"),
        (("--url", "nonsense"), {"LLMPROXY_ADMIN_KEY": KEY}, "--url (LLMPROXY_URL): give an"),
        ((), {"LLMPROXY_ADMIN_KEY": KEY, "LLMPROXY_URL": "ftp://x"}, "LLMPROXY_URL"),
    ],
)
def test_wrong_calls(
    llmproxy: Run, arguments: tuple[str, ...], env: dict[str, str], message: str
) -> None:
    """They end with 2 before anything is asked."""
    result = llmproxy("models", "list", *arguments, env=env)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert KEY not in result.output


def test_the_command_line_counts_before_the_environment(llmproxy: Run, tmp_path: object) -> None:
    """A folder that is named is used although LLMPROXY_URL is set."""
    env = {"LLMPROXY_URL": "http://127.0.0.1:9", "LLMPROXY_ADMIN_KEY": KEY}
    result = llmproxy("keys", "list", "--data-dir", f"{tmp_path}/named", env=env)
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("written", "seconds"), [("0s", 0), ("30m", 1800), ("24h", 86_400), ("7d", 604_800)]
)
def test_graces(written: str, seconds: float) -> None:
    """Seconds to weeks."""
    assert grace(written) == seconds


@pytest.mark.parametrize("written", ["", "1", "-1h", "1.5h", "1y", "٣h"])
def test_no_graces(written: str) -> None:
    """Anything else is refused with the forms that fit."""
    with pytest.raises(ValueError, match="24h"):
        grace(written)
