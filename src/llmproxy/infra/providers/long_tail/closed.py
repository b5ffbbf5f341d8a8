"""LiteLLM cannot open a connection: not for a picture's address, not for a token, not by mistake.

Some of its translators fetch what a message links to, or sign in, in the middle of a translation
(litellm 1.110.2 `litellm_core_utils/prompt_templates/image_handling.py`,
`llms/watsonx/common_utils.py`). That would hold up the event loop, pass by proxies and limits, and
let callers reach hosts that only the gateway can. So an audit hook refuses it
(docs.python.org/3/library/audit_events.html): for the thread that translates, while it translates.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_BARRED: Final = frozenset(
    (
        "socket.connect",
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "socket.sendto",
        "subprocess.Popen",
    )
)


class Barred(ConnectionError):
    """Something tried to open a connection where none may be opened."""


class Watch:
    """What was tried while a thread was closed; `tried` names the first event."""

    __slots__ = ("tried",)

    def __init__(self) -> None:
        self.tried = ""


class _Here(threading.local):
    watch: Watch | None = None


_here = _Here()
_installed = threading.Event()


def _judge(event: str, _arguments: tuple[object, ...]) -> None:
    if event in _BARRED:
        watch = _here.watch
        if watch is not None:
            watch.tried = watch.tried or event
            raise Barred(f"{event} is not allowed here")


def install() -> None:
    """Set the hook, once for the process: it cannot be taken away again."""
    if not _installed.is_set():
        _installed.set()
        sys.addaudithook(_judge)


@contextmanager
def closed() -> Iterator[Watch]:
    """Refuse connections of this thread while the block runs; it must not await.

    What was tried is told by the watch, also when somebody caught the refusal.
    """
    before = _here.watch
    watch = _here.watch = Watch()
    try:
        yield watch
    finally:
        _here.watch = before
