"""One thing that is wrong in what somebody wrote."""

from typing import NamedTuple


class Problem(NamedTuple):
    """Names the field, says what is wrong and what to do about it.

    Never holds a value that could be a secret.
    """

    field: str
    """A path such as `parameters.endpoint` or `operations[2]`; empty for the whole document."""
    message: str
    hint: str = ""

    @property
    def text(self) -> str:
        """`field: message (hint)`, leaving out what is empty."""
        where = f"{self.field}: " if self.field else ""
        return f"{where}{self.message}" + (f" ({self.hint})" if self.hint else "")
