"""What a conversation must look like.

Words: errors of Vertex AI that users quoted in public issues, 2024 to 2026: gemini-cli 4217, 26486
and 16415 (numbers of calls and responses, and their order), agno 5843 and vercel/ai 4859 (no
parts), envoyproxy/ai-gateway pull 2686 (a response beside text, a model's turn at the end),
GoogleCloudPlatform/generative-ai 1390 (media types).
"""

from typing import Any

from tests.simulators.gemini.errors import invalid, unable

Json = dict[str, Any]

INPUT_TYPES = {
    "image": frozenset(("png", "jpeg", "webp", "heic", "heif", "gif")),
    "audio": frozenset(
        (
            "wav",
            "x-wav",
            "mp3",
            "mpeg",
            "mpga",
            "mp4",
            "m4a",
            "x-m4a",
            "aac",
            "flac",
            "ogg",
            "opus",
            "pcm",
            "l16",
            "webm",
            "aiff",
        )
    ),
    "video": frozenset(
        ("mp4", "mpeg", "mov", "quicktime", "avi", "x-flv", "flv", "mpg", "webm", "wmv", "3gpp")
    ),
    "text": frozenset(("plain", "html", "css", "csv", "xml", "md", "markdown", "rtf")),
    "application": frozenset(("pdf", "json")),
}

_DATA = (
    "text",
    "inline_data",
    "file_data",
    "function_call",
    "function_response",
    "executable_code",
    "code_execution_result",
)
_COUNT = (
    "Please ensure that the number of function response parts is equal to the number of function "
    "call parts of the function call turn."
)
_RESPONSE_ORDER = (
    "Please ensure that function response turn comes immediately after a function call turn."
)
_CALL_ORDER = (
    "Please ensure that function call turn comes immediately after a user turn or after a function "
    "response turn."
)


def check_contents(contents: list[Json] | None, *, ends_with_user: bool) -> None:
    """Roles, parts, and the order of calls and responses. `ends_with_user`: newer models refuse a
    conversation whose last turn is their own.
    """
    if not contents:
        raise unable("at least one contents field is required.")
    for content in contents:
        if content.get("role") not in {"user", "model"} and (
            content.get("role") or len(contents) > 1
        ):
            raise invalid("Please use a valid role: user, model.")
        check_parts(content)
    _check_calls(contents)
    if ends_with_user and contents[-1].get("role") == "model":
        raise invalid("Requests ending with a model turn are not supported.")


def check_parts(content: Json) -> None:
    """Every part holds one thing, and that thing is whole."""
    if not content.get("parts"):
        raise unable("it must include at least one parts field, which describes the prompt input.")
    for part in content["parts"]:
        _check_part(part)


def _check_part(part: Json) -> None:
    if not any(name in part for name in _DATA):
        raise unable("required one_of 'data' must have one initialized field.")
    if part.get("text") == "" and not part.get("thought_signature"):
        raise unable("it has an empty text parameter. Add a value to the parameter and try again.")
    for name in ("inline_data", "file_data"):
        if name in part:
            _check_media(name, part[name])
    for name in ("function_call", "function_response"):
        if name in part and not part[name].get("name"):
            raise invalid(f"{name}.name: Name cannot be empty.")


def _check_media(name: str, media: Json) -> None:
    camel = {"inline_data": "inlineData", "file_data": "fileData"}[name]
    kind = str(media.get("mime_type") or "").partition(";")[0].lower()
    if not kind:
        raise unable(
            f"it has an empty mimeType parameter in {camel}. Add a value to the parameter and try "
            "again."
        )
    family, _, rest = kind.partition("/")
    if rest not in INPUT_TYPES.get(family, ()):
        raise unable(
            f"it has a mimeType parameter with value {kind}, which is not supported. Update the "
            "mimeType and try again."
        )
    if not media.get("data" if name == "inline_data" else "file_uri"):
        raise unable(f"it has an empty {camel} parameter. Add a value to the parameter.")


def _count(content: Json, name: str) -> int:
    return sum(1 for part in content["parts"] if name in part)


def _check_calls(contents: list[Json]) -> None:
    waiting = 0  # calls of the turn before, which this turn must answer
    for index, content in enumerate(contents):
        calls, responses = (_count(content, f"function_{kind}") for kind in ("call", "response"))
        if responses and not waiting:
            raise invalid(_RESPONSE_ORDER)
        if waiting and (responses != waiting or responses != len(content["parts"])):
            raise invalid(_COUNT)
        if calls and (index == 0 or contents[index - 1].get("role") == "model"):
            raise invalid(_CALL_ORDER)
        waiting = calls
    if waiting:
        raise invalid(_RESPONSE_ORDER)
