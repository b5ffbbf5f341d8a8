"""What a command of Redis can end with, beside its reply."""


class RedisFailure(Exception):
    """A command has no reply that can be used."""


class RedisAway(RedisFailure):
    """There is no connection, or it did not answer in time: the command may have been done."""


class RedisRefused(RedisFailure):
    """Redis answered with an error, which is the message."""


class RedisFull(RedisAway):
    """Too many commands wait for an answer: this one was not sent."""
