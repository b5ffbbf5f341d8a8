"""A clock that wakes streams evenly: every 100 µs the ones whose turn it is.

The timers of asyncio and uvloop count whole milliseconds, so 200 streams with an event every 20 ms
would speak in 20 bursts of 10, and a gateway would be measured on bursts that no set of real
upstreams makes. Linux's timerfd wakes the loop at any step; Python offers it from 3.13 on, hence
ctypes.
"""

import asyncio
import ctypes
import os
import struct
from collections.abc import Callable

STEP_US = 100
_CLOCK_MONOTONIC = 1
_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("first", _Timespec))


class Pacer:
    """Calls each member once per period, members spread evenly over the period.

    A member is a callable that returns False when it wants to leave.
    """

    def __init__(self, period_ms: int) -> None:
        self._slots: list[list[Callable[[], bool]]] = [
            [] for _ in range(period_ms * 1000 // STEP_US)
        ]
        self._now = 0
        self._next = 0
        self._members = 0
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        asyncio.get_running_loop().add_reader(self._fd, self._wake)

    def join(self, member: Callable[[], bool]) -> None:
        """Take a member in; it is called within one period for the first time.

        The stride shares no factor with the number of slots, so what joins at once is spread.
        """
        self._slots[self._next].append(member)
        self._next = (self._next + 7) % len(self._slots)
        self._members += 1
        if self._members == 1:
            self._arm(STEP_US * 1000)

    def _arm(self, step_ns: int) -> None:
        step = _Timespec(0, step_ns)
        spec = _Itimerspec(step, step)
        if self._libc.timerfd_settime(self._fd, 0, ctypes.byref(spec), None) < 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    def _wake(self) -> None:
        try:
            (steps,) = struct.unpack("Q", os.read(self._fd, 8))
        except BlockingIOError:
            return
        for _ in range(min(steps, len(self._slots))):
            self._now = (self._now + 1) % len(self._slots)
            slot = self._slots[self._now]
            if not slot:
                continue
            stay = [member for member in slot if member()]
            self._members -= len(slot) - len(stay)
            self._slots[self._now] = stay
        if not self._members:
            self._arm(0)
