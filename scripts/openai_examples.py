"""Take the examples of requests and answers out of OpenAI's API description.

    python scripts/openai_examples.py PATH_TO/openapi.json

Writes `tests/recorded/openai/`: `requests.jsonl` (one request a line, with the answer that stands
beside it), `answers.jsonl` (the examples of answers alone) and `unused.jsonl` (what could not be
used, and why). Texts are kept to the letter: whoever reads them compares bytes. Run by hand when
the description changes; the tests read only what it wrote.
"""

import json
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parents[1] / "tests/recorded/openai"
PATHS = (
    "/chat/completions",
    "/completions",
    "/embeddings",
    "/moderations",
    "/images/generations",
    "/images/edits",
    "/images/variations",
    "/responses",
    "/audio/speech",
    "/audio/transcriptions",
    "/audio/translations",
)
REQUESTS = {
    "/chat/completions": "CreateChatCompletionRequest",
    "/completions": "CreateCompletionRequest",
    "/embeddings": "CreateEmbeddingRequest",
    "/moderations": "CreateModerationRequest",
    "/images/generations": "CreateImageRequest",
    "/audio/speech": "CreateSpeechRequest",
}
ANSWERS = {
    "CreateChatCompletionResponse": "/chat/completions",
    "CreateChatCompletionStreamResponse": "/chat/completions",
    "CreateCompletionResponse": "/completions",
    "CreateEmbeddingResponse": "/embeddings",
    "CreateModerationResponse": "/moderations",
    "ImagesResponse": "/images/generations",
    "ImageGenPartialImageEvent": "/images/generations",
    "ImageGenCompletedEvent": "/images/generations",
}
NEEDED = {
    "CreateCompletionRequest": {"model": "gpt-3.5-turbo-instruct", "prompt": "Say this is a test"},
    "CreateChatCompletionRequest": {
        "model": "gpt-5.4",
        "messages": [{"role": "user", "content": "Hello!"}],
    },
    "CreateModerationRequest": {"input": "I want to kill them."},
    "CreateSpeechRequest": {"model": "gpt-4o-mini-tts", "input": "Hello!", "voice": "alloy"},
}
"""Required fields for which a schema gives no example that is one."""
DATA = re.compile(r"(?:-d|--data|--data-raw) '(.*?)'(?=\s|\\|$)", re.DOTALL)
HEREDOC = re.compile(r"<<\s*'?(\w+)'?\n(.*?)\n\1", re.DOTALL)


class Unused(NamedTuple):
    """Something that could not be taken."""

    source: str
    why: str


Found = dict[str, Any] | Unused


def curl_examples(description: Mapping[str, Any]) -> Iterator[Found]:
    """Yield the request and the answer of each curl example."""
    for path in PATHS:
        about = description["paths"][path]["post"].get("x-oaiMeta", {})
        examples = about.get("examples", [])
        examples = [examples] if isinstance(examples, dict) else examples
        for number, example in enumerate(examples):
            source = f"paths.{path}.post.x-oaiMeta.examples[{number}]"
            yield from _curl_example(path, source, example)


def _curl_example(path: str, source: str, example: Mapping[str, Any]) -> Iterator[Found]:
    curl = example.get("request", {}).get("curl", "")
    body = _body(curl)
    found: dict[str, Any] = {"operation": path[1:], "source": source}
    if body is None and (form := _form(curl)):
        found["form"] = form
    elif body is None or not is_json(body):
        yield Unused(source, "no body that is JSON or a form in its curl request")
        return
    else:
        found["request"] = body
    answer = example.get("response")
    if answer:
        kept = _answer(answer)
        if isinstance(kept, Unused):
            yield Unused(f"{source}.response", kept.why)
        else:
            found |= kept
    yield found


def _body(curl: str) -> str | None:
    found = DATA.search(curl) or HEREDOC.search(curl)
    return None if found is None else found[found.re.groups]


def _form(curl: str) -> list[list[str]]:
    """Return the parts of a form, name and value; `@` and a path stand for a file."""
    words = shlex.split(curl.replace("\\\n", " "))
    parts = [words[at + 1] for at, word in enumerate(words[:-1]) if word in {"-F", "--form"}]
    return [part.split("=", 1) for part in parts]


def _answer(text: str) -> dict[str, str] | Unused:
    if is_json(text):
        return {"answer": text}
    if text.startswith(("event:", "data:")):
        return {"events": text.rstrip("\n") + "\n\n"}
    pieces = [piece.strip() for piece in re.split(r"\n\s*\n", text)]
    chunks = [piece for piece in pieces if is_json(piece)]
    if chunks and all(piece in chunks or set(piece) == {"."} for piece in pieces):
        # Chunks of a stream without their frames, and dots where some were left out.
        return {"events": "".join(f"data: {chunk}\n\n" for chunk in (*chunks, "[DONE]"))}
    return Unused(
        "", "the answer is no JSON and no events (parts of it are left out, or a comma is)"
    )


def schema_examples(description: Mapping[str, Any]) -> Iterator[Found]:
    """Yield a request for each example that stands at a field of a request's schema."""
    for path, name in REQUESTS.items():
        schema = description["components"]["schemas"][name]
        fields = _fields(schema)
        good = {field: each["example"] for field, (_, each) in fields.items() if "example" in each}
        needed = schema.get("required") or [*NEEDED.get(name, {})]
        plain = {field: good[field] for field in needed if field in good} | NEEDED.get(name, {})
        made = list(_made(path, f"components.schemas.{name}", plain, fields))
        yield from made
        looked_at = {each.source if isinstance(each, Unused) else each["source"] for each in made}
        for where in _places(schema, f"components.schemas.{name}"):
            if where not in looked_at:
                yield Unused(where, "a part of a value: the requests hold whole values")


def _made(
    path: str, source: str, plain: Mapping[str, Any], fields: Mapping[str, Any]
) -> Iterator[Found]:
    for field, (place, schema) in fields.items():
        for where, example, forms in _examples(schema, f"{source}.{place}properties.{field}"):
            value = _value(example, forms)
            if value is None:
                yield Unused(where, f"{example!r} is no value of the type it stands at")
                continue
            request = json.dumps({**plain, field: value}, ensure_ascii=False)
            yield {"operation": path[1:], "source": where, "request": request}


def _fields(schema: Mapping[str, Any]) -> dict[str, tuple[str, Any]]:
    """Return each field's schema, and below which part of the whole it stands."""
    parts = [
        ("", schema),
        *((f"allOf[{at}].", each) for at, each in enumerate(schema.get("allOf", ()))),
    ]
    return {
        field: (place, each)
        for place, part in parts
        for field, each in part.get("properties", {}).items()
    }


def _places(value: Any, where: str) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """Yield where examples stand, however deep."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "example":
                yield f"{where}.example"
            else:
                yield from _places(inner, f"{where}.{name}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _places(inner, f"{where}[{number}]")


def _examples(schema: Mapping[str, Any], where: str) -> Iterator[tuple[str, Any, tuple[str, ...]]]:
    """Yield place and value of each example, and the types of what it stands at."""
    if "example" in schema:
        variants = (*schema.get("oneOf", ()), *schema.get("anyOf", ()))
        types = [schema.get("type"), *(each.get("type") for each in variants)]
        yield f"{where}.example", schema["example"], tuple(filter(None, types))
    for number, variant in enumerate(schema.get("oneOf", ())):
        if "example" in variant:
            yield f"{where}.oneOf[{number}].example", variant["example"], (variant["type"],)
        items = variant.get("items", {})
        if variant.get("type") == "array" and items.get("type") == "string" and "example" in items:
            at = f"{where}.oneOf[{number}].items.example"
            yield at, [items["example"]], ("array",)


def _value(example: Any, types: tuple[str, ...]) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value that an example stands for; some arrays are written as texts."""
    if "string" in types or not isinstance(example, str):
        return None if isinstance(example, list) and example[0][:1] == "[" else example
    return json.loads(example) if is_json(example) else None


def answer_examples(description: Mapping[str, Any]) -> Iterator[Found]:
    """Yield the example that stands at each schema of an answer."""
    for name, path in ANSWERS.items():
        source = f"components.schemas.{name}.x-oaiMeta.example"
        text = description["components"]["schemas"][name].get("x-oaiMeta", {}).get("example")
        if not text:
            yield Unused(source, "there is none")
            continue
        kept = _answer(text)
        if isinstance(kept, Unused):
            yield Unused(source, kept.why)
            continue
        if name.endswith("Event"):
            kind = json.loads(text)["type"]
            kept = {"events": f"event: {kind}\ndata: {json.dumps(json.loads(text))}\n\n"}
        yield {"operation": path[1:], "source": source, **kept}


def is_json(text: str) -> bool:
    """Whether a text is one JSON value."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _write(name: str, rows: list[Any]) -> None:
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    (FOLDER / name).write_text("".join(lines), "utf-8")
    sys.stdout.write(f"{name}: {len(rows)}\n")


def main(path: str) -> None:
    """Read the description and write the three files."""
    description = json.loads(Path(path).read_text("utf-8"))
    version = description["info"]["version"]
    sys.stdout.write(f"OpenAI's API description {version}\n")
    requests = [*curl_examples(description), *schema_examples(description)]
    answers = list(answer_examples(description))
    unused = [each._asdict() for each in (*requests, *answers) if isinstance(each, Unused)]
    _write("requests.jsonl", [each for each in requests if not isinstance(each, Unused)])
    _write("answers.jsonl", [each for each in answers if not isinstance(each, Unused)])
    _write("unused.jsonl", unused)


if __name__ == "__main__":
    main(sys.argv[1])
