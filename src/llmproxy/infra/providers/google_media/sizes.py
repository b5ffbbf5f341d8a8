"""Sizes of images: OpenAI's are pixels, Google's a ratio and a class of resolution.

Ratios and the pixels that they give at 1K: Vertex AI's pages "Generate images with Gemini" (the
table of Gemini 3 Pro Image) and "Imagen 4" (2026); google-genai 3.6.1 `types.ImageConfig`. A size
is taken for a ratio that it comes within 2 % of, so that 1792x1024 is 16:9.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from llmproxy.infra.providers.translated.chat_request import invalid
from llmproxy.infra.providers.translated.remarks import Remarks

GEMINI_RATIOS: Mapping[str, str] = {
    "1:1": "1024x1024",
    "2:3": "848x1264",
    "3:2": "1264x848",
    "3:4": "896x1200",
    "4:3": "1200x896",
    "4:5": "928x1152",
    "5:4": "1152x928",
    "9:16": "768x1376",
    "16:9": "1376x768",
    "21:9": "1584x672",
}
IMAGEN_RATIOS: Mapping[str, str] = {
    "1:1": "1024x1024",
    "3:4": "896x1280",
    "4:3": "1280x896",
    "9:16": "768x1408",
    "16:9": "1408x768",
}
CLOSENESS = 0.02
_PIXELS = re.compile(r"([1-9][0-9]{1,4})x([1-9][0-9]{1,4})")
_CLASSES = (("1K", 1792), ("2K", 3584), ("4K", 7168))
"""The longest side that is still taken for a class: the next one begins at twice the pixels."""


class Size(NamedTuple):
    """None where the provider's own choice stands."""

    ratio: str | None
    resolution: str | None


def size_of(
    asked: str | None, ratios: Mapping[str, str], resolutions: Iterable[str], remarks: Remarks
) -> Size:
    """Return what a size is at Google. Raises InvalidRequest naming those that fit.

    A ratio (`16:9`) is taken as well. Pixels that will not come out exactly are told as changed.
    """
    if asked in (None, "auto"):
        return Size(None, None)
    if asked in ratios:
        return Size(asked, None)
    found = _PIXELS.fullmatch(asked or "")
    ratio = None if found is None else _nearest(int(found[1]) / int(found[2]), ratios)
    if found is None or ratio is None:
        raise _misfit(ratios)
    longest = max(int(found[1]), int(found[2]))
    resolution = next((name for name, most in _CLASSES if longest <= most), "")
    if resolution == "1K":
        if ratios[ratio] != asked:
            remarks.change("size")
        return Size(ratio, None)
    if resolution not in resolutions:
        raise _misfit(ratios)
    remarks.change("size")
    return Size(ratio, resolution)


def _nearest(wanted: float, ratios: Iterable[str]) -> str | None:
    def distance(ratio: str) -> float:
        width, _, height = ratio.partition(":")
        return abs(wanted * int(height) / int(width) - 1)

    nearest = min(ratios, key=distance)
    return nearest if distance(nearest) <= CLOSENESS else None


def _misfit(ratios: Mapping[str, str]) -> Exception:
    listed = ", ".join(f"{pixels} ({ratio})" for ratio, pixels in ratios.items())
    return invalid(
        "size", f"this model makes {listed}", code="unsupported_value", hint="Or say `auto`."
    )
