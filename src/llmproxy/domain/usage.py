"""What one call consumed, in the same words for every provider."""

from typing import Final, NamedTuple

TOKEN_COUNTS: Final = 10
"""So many of the first counts are tokens."""


class Usage(NamedTuple):
    """Counts of one call, all >= 0. The parts never overlap: a token stands in exactly one of them.

    Providers count differently (OpenAI's `prompt_tokens` includes cached tokens, Anthropic's
    `input_tokens` does not); whoever reads a provider's answer subtracts before filling this.

    The order is that of `pricing.DIMENSIONS`, and of the array that the journal writes.
    """

    input_tokens: int = 0
    """Text input that was not read from a cache nor written to one; where a provider does not tell
    the kinds apart, all such input."""
    cache_read_tokens: int = 0
    """Of any kind, text or not."""
    cache_write_tokens: int = 0
    """Of any kind, without those that are kept for an hour."""
    output_tokens: int = 0
    """Text output without reasoning."""
    reasoning_tokens: int = 0
    audio_input_tokens: int = 0
    audio_output_tokens: int = 0
    image_input_tokens: int = 0
    image_output_tokens: int = 0
    cache_write_1h_tokens: int = 0
    """Written to a cache that keeps them for an hour."""
    images: int = 0
    """Made, not given."""
    characters: int = 0
    """Of the text that was read aloud."""
    audio_ms: int = 0
    """Of the sound that was written down or read aloud."""
    estimated: bool = False
    """True when the provider did not say and the gateway counted by its own rule."""

    def plus(self, other: "Usage") -> "Usage":
        """Return both together: an estimate when one of them is."""
        counts = (mine + theirs for mine, theirs in zip(self[:-1], other[:-1], strict=True))
        return Usage._make((*counts, self.estimated or other.estimated))

    @property
    def total_tokens(self) -> int:
        """Every token that went in or came out: the counts before `images`."""
        return sum(self[:TOKEN_COUNTS])

    @property
    def total_input_tokens(self) -> int:
        """Every token that went in."""
        return (
            self.input_tokens
            + self.cache_read_tokens
            + self.cache_write_tokens
            + self.cache_write_1h_tokens
            + self.audio_input_tokens
            + self.image_input_tokens
        )

    @property
    def total_output_tokens(self) -> int:
        """Every token that came out."""
        return (
            self.output_tokens
            + self.reasoning_tokens
            + self.audio_output_tokens
            + self.image_output_tokens
        )
