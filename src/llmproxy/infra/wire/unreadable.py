"""What msgspec raises for bytes that it cannot read as what was asked for."""

from typing import Final

import msgspec

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""Not JSON or of another shape; not UTF-8, which msgspec leaves to Python; nested too deeply."""
