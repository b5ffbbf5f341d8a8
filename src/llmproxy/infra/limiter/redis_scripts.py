"""The scripts that count in Redis: each one runs as a whole, in one round trip."""

from importlib.resources import files
from typing import Final

from llmproxy.infra.redis.script import Script

_FOLDER: Final = files("llmproxy.infra.limiter").joinpath("lua")


def _script(name: str) -> Script:
    texts = [_FOLDER.joinpath(f"{each}.lua").read_text("utf-8") for each in ("scope", name)]
    return Script("\n".join(texts))


RESERVE: Final = _script("reserve")
TELL: Final = _script("tell")
LOOK: Final = _script("look")
JOIN: Final = _script("join")
INSTALL: Final = _script("install")
LEASE: Final = _script("lease")
SCRIPTS: Final = (RESERVE, TELL, LOOK, JOIN, INSTALL, LEASE)
