"""Languages as OpenAI's clients name them (ISO 639-1), as Cloud Speech-to-Text does (BCP-47).

Google's page "Supported languages" of Speech-to-Text v2 (2026) has languages with a region only;
where a language has several, the one beside it is taken and `x-llmproxy-changed: language` says so.
"""

from collections.abc import Mapping
from typing import Final

from llmproxy.infra.providers.translated.remarks import Remarks

REGIONAL: Final[Mapping[str, str]] = {
    "ar": "ar-EG",
    "bg": "bg-BG",
    "bn": "bn-IN",
    "ca": "ca-ES",
    "cs": "cs-CZ",
    "da": "da-DK",
    "de": "de-DE",
    "el": "el-GR",
    "en": "en-US",
    "es": "es-ES",
    "et": "et-EE",
    "fa": "fa-IR",
    "fi": "fi-FI",
    "fr": "fr-FR",
    "gu": "gu-IN",
    "he": "iw-IL",
    "hi": "hi-IN",
    "hr": "hr-HR",
    "hu": "hu-HU",
    "id": "id-ID",
    "it": "it-IT",
    "ja": "ja-JP",
    "kn": "kn-IN",
    "ko": "ko-KR",
    "lt": "lt-LT",
    "lv": "lv-LV",
    "ml": "ml-IN",
    "mr": "mr-IN",
    "nl": "nl-NL",
    "no": "no-NO",
    "pl": "pl-PL",
    "pt": "pt-BR",
    "ro": "ro-RO",
    "ru": "ru-RU",
    "sk": "sk-SK",
    "sl": "sl-SI",
    "sr": "sr-RS",
    "sv": "sv-SE",
    "ta": "ta-IN",
    "te": "te-IN",
    "th": "th-TH",
    "tr": "tr-TR",
    "uk": "uk-UA",
    "ur": "ur-PK",
    "vi": "vi-VN",
    "zh": "cmn-Hans-CN",
}
UNSPACED: Final = ("cmn", "yue", "zh", "ja", "th")
"""Languages whose words are written without spaces between them."""


def regional(language: str, remarks: Remarks) -> str:
    """Return a language with a region; one that has it, or that is not known here, as it is."""
    found = REGIONAL.get(language.casefold())
    if found is None:
        return language
    remarks.change("language")
    return found
