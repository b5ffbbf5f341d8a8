"""What docs/cache.md says is what the code does."""

import re
from pathlib import Path

from llmproxy.application.use_cases.replayed.cached import BYPASS, MISS, REFRESH
from llmproxy.application.use_cases.replayed.once import PATIENCE_S, REPLAY
from llmproxy.application.use_cases.replayed.streams import LEAD_BYTES
from llmproxy.config.settings import CacheSettings
from llmproxy.domain.document import CACHE_TTL_S, MAX_CACHE_TTL_S, parse_model
from llmproxy.infra.cache.redis import LEASE_S
from llmproxy.infra.controllers.openai.wishes import MAX_KEY_CHARS, WHO
from llmproxy.infra.wire.jsonc import read_documents

PAGE = (Path(__file__).parents[4] / "docs/cache.md").read_text("utf-8")


def test_the_document() -> None:
    """The example is read without a warning, and its time is the one that it names."""
    [text] = re.findall(r"^```jsonc\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    [located] = read_documents(text)
    parsed = parse_model(located.value)
    assert parsed.warnings == ()
    assert parsed.model.cache_ttl_s == 3600


def test_every_status_is_named() -> None:
    """And no other."""
    lines = (*MISS.first, *MISS.again, *MISS.along, *REFRESH.first, *BYPASS)
    statuses = {line.decode().partition(": ")[2] for line in lines}
    assert set(re.findall(r"^\| `([a-z]+)` \|", PAGE, re.MULTILINE)) == statuses
    assert f"`{REPLAY[0].decode()}`" in PAGE


def test_numbers_and_fields() -> None:
    """Times, bounds and the fields that do not matter."""
    assert f"{MAX_CACHE_TTL_S:,}" in PAGE
    assert f"true: {CACHE_TTL_S / 60:.0f} minutes" in PAGE
    assert f"1 to {MAX_KEY_CHARS} characters" in PAGE
    assert f"claims the key for {LEASE_S:.0f} seconds" in PAGE
    assert f"else {PATIENCE_S:.0f} s" in PAGE
    assert f"at least {LEAD_BYTES // 1024} KiB" in PAGE
    settings = CacheSettings()
    assert f"({settings.max_bytes // 1024**2} MiB)" in PAGE
    assert f"({settings.max_entry_bytes // 1024**2} MiB)" in PAGE
    assert f"({settings.idempotency_ttl_s / 3600:.0f} hours)" in PAGE
    assert all(f"`{field}`" in PAGE for field in WHO)
