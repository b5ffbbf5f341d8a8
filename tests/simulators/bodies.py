"""Parts of requests that several tests send."""

from typing import Any

from pydantic import BaseModel

HELLO: list[Any] = [{"role": "user", "content": "hello there"}]

WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            },
            "required": ["city", "unit"],
            "additionalProperties": False,
        },
    },
}
CLOCK: dict[str, Any] = {
    "type": "function",
    "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}},
}


class Step(BaseModel):
    """A part of `Recipe`, so that its schema has a `$ref`."""

    number: int
    text: str


class Recipe(BaseModel):
    """What structured outputs are asked for."""

    name: str
    steps: list[Step]
    vegan: bool
