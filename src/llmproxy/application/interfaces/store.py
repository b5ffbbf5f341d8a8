"""What every store may raise."""


class StoreUnusableError(Exception):
    """The store cannot be opened by this program: a newer schema, a foreign file, no permission.

    Waiting does not help; the message says what would. A store that is away for a while raises
    `Unavailable` instead.
    """
