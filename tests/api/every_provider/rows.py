"""What is asked of every provider alike: a place is a row, and an operation is a row.

A model is called after where it is and what it does: `azure-v1-scribe`. A new provider is one more
place, and every operation that it offers is then asked of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.simulators.bodies import HELLO
from tests.simulators.operations.transcriptions import SECONDS, transcript

PREFIX = "Simulated answer to: "
SPOKEN = "The quick brown fox. " * 20
IMAGE = ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40)
SOUND = ("a.mp3", b"ID3" + bytes(range(256)) * 40)
NO_PICTURE_OR_SOUND = frozenset(("chat", "instruct", "embedder", "moderator"))


@dataclass(frozen=True, slots=True)
class Kind:
    """What a model is for: the words of its document, and its name at OpenAI."""

    words: tuple[str, ...]
    model: str


KINDS: Mapping[str, Kind] = {
    "chat": Kind(("ChatCompletion", "Responses"), "gpt-4o-mini"),
    "instruct": Kind(("ChatCompletion",), "gpt-3.5-turbo-instruct"),
    "embedder": Kind(("embeddings",), "text-embedding-3-small"),
    "moderator": Kind(("moderations",), "omni-moderation-latest"),
    "painter": Kind(("images",), "gpt-image-1"),
    "old-painter": Kind(("images",), "dall-e-2"),
    "speaker": Kind(("audio_tts",), "gpt-4o-mini-tts"),
    "scribe": Kind(("audio_stt",), "gpt-4o-transcribe"),
    "whisper": Kind(("audio_stt",), "whisper-1"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where models are: what their documents say of it, and which operations are not there.

    `simulator` is the field of the stage that holds the provider, None for one that needs none.
    """

    provider: str
    model_type: str
    simulator: str | None = None
    without: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset(KINDS)


NO_VARIATIONS = frozenset(("images/variations",))
PLACES: Mapping[str, Place] = {
    "openai": Place("OpenAI", "OpenAI", "openai"),
    "azure-dated": Place("Azure", "AzureOpenAI", "azure", NO_VARIATIONS),
    "azure-v1": Place("Azure", "AzureOpenAI", "azure", NO_VARIATIONS),
    "foundry": Place("Azure", "AzureFoundry", "foundry", NO_VARIATIONS),
    "foundry-legacy": Place("Azure", "AzureFoundry", "foundry", NO_VARIATIONS),
    "echo": Place("Local", "Echo", kinds=NO_PICTURE_OR_SOUND),
}


@dataclass(frozen=True, slots=True)
class Row:
    """An operation: the method of openai-python, what it is given, and what is to come of it.

    `told` reads an answer and `heard` an event of a stream. `used` is a part of the journal's
    usage: its position to its number. `streamed` are the fields that ask for a stream.
    """

    kind: str
    method: Callable[[Any], Callable[..., Any]]
    fields: Mapping[str, Any]
    wrong: Mapping[str, Any]
    told: Callable[[Any], object]
    answer: object
    used: Mapping[int, int] = field(default_factory=dict)
    streamed: Mapping[str, Any] | None = None
    heard: Callable[[Any], str] = str
    hearing: str | None = None
    used_streaming: Mapping[int, int] | None = None

    def ask(self, client: Any, model: str, **more: Any) -> Any:  # noqa: ANN401 - any client's
        """Ask; a client that is asynchronous gives what is to be awaited."""
        return self.method(client)(**{"model": model, **self.fields, **more})

    def stream(self, client: Any, model: str) -> Any:  # noqa: ANN401 - any client's
        """Ask for events."""
        return self.ask(client, model, **(self.streamed or {}))

    def said_by(self, model: str) -> object:
        """What a model is to say: Echo adds nothing."""
        if model.startswith("echo") and isinstance(self.answer, str):
            return self.answer.removeprefix(PREFIX)
        return self.answer

    def used_by(self, model: str, *, streaming: bool = False) -> Mapping[int, int]:
        """What is to be counted; Echo counts the words of what it repeats."""
        if model.startswith("echo"):
            return {0: 2, 3: 2 if self.used[3] else 0}
        return self.used_streaming if streaming and self.used_streaming else self.used


def _pictures(answer: Any) -> int:  # noqa: ANN401 - of two methods
    return len(answer.data or [])


def _kind_of(event: Any) -> str:  # noqa: ANN401 - of several methods
    return f"{event.type.rpartition('.')[2]} "


WORDS = PREFIX + "hello there"
STREAM = {"stream": True}
DRAWN_IN_EVENTS: dict[str, Any] = {
    "streamed": {"stream": True, "partial_images": 1},
    "heard": _kind_of,
    "hearing": "partial_image completed ",
}

ROWS: Mapping[str, Row] = {
    "chat/completions": Row(
        "chat",
        lambda client: client.chat.completions.create,
        {"messages": HELLO},
        {"messages": []},
        lambda answer: answer.choices[0].message.content,
        WORDS,
        {0: 8, 3: 5},
        STREAM,
        lambda event: (event.choices[0].delta.content or "") if event.choices else "",
    ),
    "completions": Row(
        "instruct",
        lambda client: client.completions.create,
        {"prompt": "hello there"},
        {"best_of": 21},
        lambda answer: answer.choices[0].text,
        WORDS,
        {0: 2, 3: 5},
        STREAM,
        lambda event: event.choices[0].text if event.choices else "",
    ),
    "responses": Row(
        "chat",
        lambda client: client.responses.create,
        {"input": "hello there"},
        {"input": 1},
        lambda answer: answer.output_text,
        WORDS,
        {0: 2, 3: 5},
        STREAM,
        lambda event: event.delta if event.type == "response.output_text.delta" else "",
    ),
    "embeddings": Row(
        "embedder",
        lambda client: client.embeddings.create,
        {"input": "hello there"},
        {"input": []},
        lambda answer: [each.index for each in answer.data],
        [0],
        {0: 2, 3: 0},
    ),
    "moderations": Row(
        "moderator",
        lambda client: client.moderations.create,
        {"input": "hello there"},
        {"input": []},
        lambda answer: [each.flagged for each in answer.results],
        [False],
    ),
    "images/generations": Row(
        "painter",
        lambda client: client.images.generate,
        {"prompt": "a hat"},
        {"n": 11},
        _pictures,
        1,
        {0: 2, 8: 1056, 10: 1},
        used_streaming={0: 2, 8: 1156, 10: 1},
        **DRAWN_IN_EVENTS,
    ),
    "images/edits": Row(
        "painter",
        lambda client: client.images.edit,
        {"image": IMAGE, "prompt": "a hat"},
        {"n": 11},
        _pictures,
        1,
        {0: 2, 8: 1056, 10: 1},
        **DRAWN_IN_EVENTS,
    ),
    "images/variations": Row(
        "old-painter",
        lambda client: client.images.create_variation,
        {"image": IMAGE, "n": 2},
        {"n": 11},
        _pictures,
        2,
        {8: 2 * 1056, 10: 2},
    ),
    "audio/speech": Row(
        "speaker",
        lambda client: client.audio.speech.create,
        {"input": SPOKEN, "voice": "coral"},
        {"speed": 5},
        lambda answer: answer.content[:4],
        b"\xff\xf3\xe4\xc4",
        {11: len(SPOKEN)},
    ),
    "audio/transcriptions": Row(
        "scribe",
        lambda client: client.audio.transcriptions.create,
        {"file": SOUND},
        {"temperature": 1.5},
        lambda answer: answer.text,
        transcript(SOUND[1]),
        {3: 6, 5: 45},
        STREAM,
        lambda event: event.delta if event.type == "transcript.text.delta" else "",
    ),
    "audio/translations": Row(
        "whisper",
        lambda client: client.audio.translations.create,
        {"file": SOUND},
        {"temperature": 1.5},
        lambda answer: answer.text,
        transcript(SOUND[1]),
        {12: round(SECONDS * 1000)},
    ),
}


def cases(
    wanted: Callable[[Row], object] = bool, *, places: Mapping[str, Place] = PLACES
) -> list[tuple[str, str]]:
    """Return each operation with each model that has it, where the row is wanted."""
    return [
        (operation, f"{name}-{row.kind}")
        for operation, row in ROWS.items()
        for name, place in places.items()
        if wanted(row) and row.kind in place.kinds and operation not in place.without
    ]


REMOTE: Mapping[str, Place] = {name: each for name, each in PLACES.items() if each.simulator}
"""Where a provider can fail, and where its work can be ended."""
