"""What `serve` says when it is about to serve: where, which models, and the next step."""

from typing import NamedTuple

from llmproxy.application.snapshot import Snapshot
from llmproxy.domain.caller import Auth

MODELS_SHOWN = 10


class Inventory(NamedTuple):
    """What there is to serve: codes of models, the number of keys, who needs none, and where."""

    models: tuple[str, ...]
    keys: int
    auth: Auth
    place: str

    def greeting(self, address: str, admin_address: str | None = None) -> str:
        """Return the lines for the terminal."""
        shown = ", ".join(self.models[:MODELS_SHOWN]) or "none yet: llmproxy models import FILE"
        more = len(self.models) - MODELS_SHOWN
        listed = f"{shown} and {more} more" if more > 0 else shown
        key = "YOUR_KEY" if self.keys else "none-needed-yet"
        model = self.models[0] if self.models else "MODEL"
        admin = "" if admin_address is None else f"  admin    {admin_address}\n"
        return (
            f"LLM Proxy serves at {address}\n"
            f"  models   {listed}\n"
            f"  access   {self._access}\n"
            f"{admin}"
            f"  data     {self.place}\n"
            f"  docs     {address}/docs\n"
            "Try it:\n"
            f"  curl {address}/v1/chat/completions -H 'content-type: application/json' \\\n"
            f"    -H 'authorization: Bearer {key}' \\\n"
            f'    -d \'{{"model": "{model}",'
            ' "messages": [{"role": "user", "content": "Hello!"}]}\''
        )

    @property
    def _access(self) -> str:
        if self.auth is Auth.OPEN:
            return "open: no key is needed (AUTH=open), for public models"
        return f"{self.keys} keys" if self.keys else "no keys yet: only this machine is served"


def inventory(snapshot: Snapshot, auth: Auth, place: str) -> Inventory:
    """Count what a snapshot holds."""
    return Inventory(tuple(snapshot.by_code), len(snapshot.keys), auth, place)
