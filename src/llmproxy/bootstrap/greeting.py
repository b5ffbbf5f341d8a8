"""What `serve` says before it serves: where, which models, and the next step."""

from typing import NamedTuple

from llmproxy.bootstrap.first_run import register_echo
from llmproxy.bootstrap.store import open_store
from llmproxy.config import Settings
from llmproxy.infra.telemetry.clock import SystemClock

MODELS_SHOWN = 10


class Inventory(NamedTuple):
    """What the store holds: codes of models and the number of keys that were ever made."""

    models: tuple[str, ...]
    keys: int
    path: str

    def greeting(self, address: str) -> str:
        """Return the lines for the terminal."""
        shown = ", ".join(self.models[:MODELS_SHOWN]) or "none yet: llmproxy models import FILE"
        more = len(self.models) - MODELS_SHOWN
        listed = f"{shown} and {more} more" if more > 0 else shown
        key = "YOUR_KEY" if self.keys else "none-needed-yet"
        model = self.models[0] if self.models else "MODEL"
        access = f"{self.keys} keys" if self.keys else "no keys yet: only this machine is served"
        return (
            f"LLM Proxy serves at {address}\n"
            f"  models   {listed}\n"
            f"  access   {access}\n"
            f"  data     {self.path}\n"
            f"  docs     {address}/docs\n"
            "Try it:\n"
            f"  curl {address}/v1/chat/completions -H 'content-type: application/json' \\\n"
            f"    -H 'authorization: Bearer {key}' \\\n"
            f'    -d \'{{"model": "{model}",'
            ' "messages": [{"role": "user", "content": "Hello!"}]}\''
        )


async def take_inventory(settings: Settings) -> Inventory:
    """Open the store once, give a new one its echo model, and count.

    Raises StoreUnusableError or Unavailable.
    """
    store = await open_store(settings.data_dir)
    try:
        await register_echo(settings.data_dir, store.models, SystemClock().now())
        documents = [each.document for each in await store.models.load_all()]
        codes = dict.fromkeys(str(document.get("code") or document["id"]) for document in documents)
        return Inventory(tuple(codes), len(await store.keys.load_all()), str(store.path))
    finally:
        await store.close()
