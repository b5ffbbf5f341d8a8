"""Servers that are ended and started again over the same data."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.api.limits.stage import Stage, staged
from tests.simulators.openai import OpenAISimulator


@contextmanager
def ended(
    how: str,
    folder: Path,
    upstream: OpenAISimulator,
    documents: list[dict[str, Any]],
    settings: Mapping[str, str] | None = None,
) -> Iterator[Stage]:
    """A server that ends in good order (`stop`), or at once and without a word (`kill`)."""
    if how == "stop":
        with staged(folder, upstream, documents, settings) as stage:
            yield stage
        return
    dead = pytest.raises(AssertionError, match="the server ended")
    with dead, staged(folder, upstream, documents, settings) as stage:
        yield stage
        stage.gateway.process.kill()
        stage.gateway.process.wait()


@contextmanager
def again(
    before: Stage, folder: Path, settings: Mapping[str, str] | None = None
) -> Iterator[Stage]:
    """The next server over the same data, with the same keys."""
    with staged(folder, before.upstream, [], settings) as stage:
        yield replace(stage, keys=before.keys)
