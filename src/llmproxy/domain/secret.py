"""A secret that cannot print."""


class Secret:
    """Holds a value that only `expose` gives away.

    Text, repr, format and pickle show or refuse it.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def expose(self) -> str:
        """Return the value itself: only for the header or call it is meant for."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(*****)"

    def __str__(self) -> str:
        return "*****"

    def __format__(self, spec: str) -> str:
        return format("*****", spec)

    def __reduce__(self) -> str:
        raise TypeError("a secret is never serialized")
