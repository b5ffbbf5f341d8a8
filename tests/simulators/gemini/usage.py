"""What Google counts: `usageMetadata` (GenerateContentResponse.UsageMetadata of
prediction_service.proto; google-genai 3.6.1, GenerateContentResponseUsageMetadata).

`candidatesTokenCount` is without the thoughts; `totalTokenCount` is with them.
"""

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

TOKENS_PER_MEDIUM = {"IMAGE": 258, "AUDIO": 144, "VIDEO": 1315, "DOCUMENT": 258}
CACHED_TOKENS = 2048
TRAFFIC = "ON_DEMAND"
_MODALITIES = {"image": "IMAGE", "audio": "AUDIO", "video": "VIDEO", "application": "DOCUMENT"}


@dataclass(frozen=True, slots=True)
class Prompt:
    """The tokens of a prompt by modality, and those of them that came from a cache."""

    tokens: dict[str, int]
    cached: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.tokens.values())

    @property
    def details(self) -> list[Json]:
        """As Google lists them."""
        return details(self.tokens)


def prompt_of(body: Json, text_tokens: int) -> Prompt:
    """The prompt of a request whose text has so many tokens."""
    tokens = {"TEXT": text_tokens}
    for content in body["contents"]:
        for part in content["parts"]:
            media = part.get("inline_data") or part.get("file_data")
            if media is None:
                continue
            modality = _MODALITIES.get(media["mime_type"].partition("/")[0], "TEXT")
            counted = TOKENS_PER_MEDIUM.get(modality, 1)
            tokens[modality] = tokens.get(modality, 0) + counted
    cached = CACHED_TOKENS if body.get("cached_content") else 0
    tokens["TEXT"] += cached
    return Prompt(tokens, cached)


def details(tokens: dict[str, int]) -> list[Json]:
    """A list of ModalityTokenCount."""
    return [{"modality": name, "tokenCount": count} for name, count in tokens.items() if count]


def usage(prompt: Prompt, said: dict[str, int], thoughts: int = 0) -> Json:
    """`usageMetadata` so far; `said` is what was said by modality. Zeros are left out, as proto3
    JSON does.
    """
    written = sum(said.values())
    counted: Json = {"promptTokenCount": prompt.total}
    if written:
        counted["candidatesTokenCount"] = written
    counted["totalTokenCount"] = prompt.total + written + thoughts
    if prompt.cached:
        counted["cachedContentTokenCount"] = prompt.cached
    counted["trafficType"] = TRAFFIC
    counted["promptTokensDetails"] = prompt.details
    if written:
        counted["candidatesTokensDetails"] = details(said)
    if prompt.cached:
        counted["cacheTokensDetails"] = details({"TEXT": prompt.cached})
    if thoughts:
        counted["thoughtsTokenCount"] = thoughts
    return counted
