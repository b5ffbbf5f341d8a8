"""The models that the simulator serves, and what each can.

Thinking: Vertex AI's page "Thinking" (2026): budgets of 2.5 Pro 128 to 32768 (cannot be turned
off), 2.5 Flash 1 to 24576, 2.5 Flash-Lite 512 to 24576 (does not think unless told to); levels
from Gemini 3 on, an error for earlier ones. Signatures: page "Thought signatures": Gemini 3 and
later refuse a call of the current turn that lost its own, Gemini 3 Pro Image does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Task(StrEnum):
    """What a model is asked for, and by which method."""

    CHAT = "chat"  # generateContent
    IMAGE = "image"  # generateContent with responseModalities
    SPEECH = "speech"  # generateContent with speechConfig
    EMBED = "embed"  # predict
    EMBED_CONTENT = "embed_content"  # embedContent, batchEmbedContents (001 has predict too)
    IMAGEN = "imagen"  # predict


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model. `budgets` is the range of `thinkingBudget` (None: it does not think)."""

    task: Task = Task.CHAT
    generation: int = 2
    budgets: tuple[int, int] | None = None
    always_thinks: bool = False
    thinks_unasked: bool = True
    max_output_tokens: int = 65_536
    dimensions: int = 0
    one_instance: bool = False

    @property
    def has_levels(self) -> bool:
        """Whether it takes `thinkingLevel`."""
        return self.generation >= 3 and self.task is Task.CHAT

    @property
    def needs_signatures(self) -> bool:
        """Whether a call of the current turn must bring its signature back."""
        return self.generation >= 3 and self.task is Task.CHAT


_PRO = Model(budgets=(128, 32_768), always_thinks=True)
_FLASH = Model(budgets=(1, 24_576))
_THREE = Model(generation=3, budgets=(1, 32_768), always_thinks=True)
_PAINTER = Model(task=Task.IMAGE, max_output_tokens=32_768)
_SPEAKER = Model(task=Task.SPEECH, max_output_tokens=32_768)
_IMAGEN = Model(task=Task.IMAGEN)

MODELS: Mapping[str, Model] = {
    "gemini-2.0-flash-001": Model(max_output_tokens=8192),
    "gemini-2.5-flash": _FLASH,
    "gemini-2.5-flash-lite": Model(budgets=(512, 24_576), thinks_unasked=False),
    "gemini-2.5-pro": _PRO,
    "gemini-3-pro-preview": _THREE,
    "gemini-3-flash-preview": _THREE,
    "gemini-3.1-pro-preview": _THREE,
    "gemini-3.8-flash": _THREE,
    "gemini-2.5-flash-image": _PAINTER,
    "gemini-3-pro-image-preview": Model(task=Task.IMAGE, generation=3, max_output_tokens=32_768),
    "gemini-2.5-flash-tts": _SPEAKER,
    "gemini-2.5-flash-preview-tts": _SPEAKER,
    "gemini-2.5-pro-tts": _SPEAKER,
    "text-embedding-005": Model(task=Task.EMBED, dimensions=768),
    "text-multilingual-embedding-002": Model(task=Task.EMBED, dimensions=768),
    "gemini-embedding-001": Model(
        task=Task.EMBED_CONTENT, generation=1, dimensions=3072, one_instance=True
    ),
    "gemini-embedding-2": Model(task=Task.EMBED_CONTENT, dimensions=3072),
    "imagen-4.0-generate-001": _IMAGEN,
    "imagen-4.0-fast-generate-001": _IMAGEN,
    "imagen-4.0-ultra-generate-001": _IMAGEN,
}
