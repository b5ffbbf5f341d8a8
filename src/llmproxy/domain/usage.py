"""What one call consumed, in the same words for every provider."""

from typing import NamedTuple


class Usage(NamedTuple):
    """Counts of one call, all >= 0. The parts never overlap: a token stands in exactly one of them.

    Providers count differently (OpenAI's `prompt_tokens` includes cached tokens, Anthropic's
    `input_tokens` does not); whoever reads a provider's answer subtracts before filling this.
    """

    input_tokens: int = 0
    """Text input that was not read from a cache nor written to one."""
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    """Text output without reasoning."""
    reasoning_tokens: int = 0
    audio_input_tokens: int = 0
    audio_output_tokens: int = 0
    images: int = 0
    characters: int = 0
    audio_ms: int = 0
    estimated: bool = False
    """True when the provider did not say and the gateway counted by its own rule."""

    def plus(self, other: "Usage") -> "Usage":
        """Return both together: an estimate when one of them is."""
        counts = (mine + theirs for mine, theirs in zip(self[:-1], other[:-1], strict=True))
        return Usage._make((*counts, self.estimated or other.estimated))

    @property
    def total_input_tokens(self) -> int:
        """Every token that went in."""
        return (
            self.input_tokens
            + self.cache_read_tokens
            + self.cache_write_tokens
            + self.audio_input_tokens
        )

    @property
    def total_output_tokens(self) -> int:
        """Every token that came out."""
        return self.output_tokens + self.reasoning_tokens + self.audio_output_tokens
