"""The menu: every use case that the controllers may serve."""

from dataclasses import dataclass

from llmproxy.application.interfaces.sealing import Sealing
from llmproxy.application.registry import Registry
from llmproxy.application.use_cases.answer import Answer
from llmproxy.application.use_cases.duplex import Duplex
from llmproxy.application.use_cases.recall import Recall
from llmproxy.application.use_cases.replayed.once import Repeats
from llmproxy.application.use_cases.stream import Stream


@dataclass(frozen=True, slots=True)
class Gateway:
    """Made once by the composition root."""

    registry: Registry
    answer: Answer
    stream: Stream
    recall: Recall
    sealing: Sealing
    duplex: Duplex
    repeats: Repeats
