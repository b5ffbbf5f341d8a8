"""Load for LLM Proxy, or for anything else that speaks OpenAI's wire. From the root of the project:

    locust -f tests/locustfile.py --host=http://localhost:8000

Five kinds of users: chat, streamed chat, embeddings, speech, transcription. Name some of them on
the command line (`ChatUser StreamUser`), or weigh them by the variables below. A call fails not
only by its status: an answer without content, a stream without its end, sound of no bytes are
failures, and a stream that breaks off is one.

Environment: `LLMPROXY_KEY` is the key; without it none is sent. `LOAD_MODEL_CHAT`,
`…_EMBEDDINGS`, `…_SPEECH`, `…_TRANSCRIPTION` name the models. `LOAD_WEIGHT_CHAT`, `…_STREAM`,
`…_EMBEDDINGS`, `…_SPEECH`, `…_TRANSCRIPTION` are shares of the users; 0 is none.
`LOAD_RATE_PER_USER` is how many calls a second a user makes at most (1); 0 is one after the other.
`LOAD_TIMEOUT_S` (120) bounds each wait for bytes. Options `--slo-…`: the exit code tells whether
they held. All of it: docs/load-tests.md.
"""

import time
from typing import ClassVar

from gevent.timeout import Timeout
from geventhttpclient.response import HTTPParseError
from locust import constant, constant_throughput, events, task
from locust.contrib.fasthttp import FastHttpUser, ResponseContextManager

from tests.load import asks, objectives
from tests.load.tools import EVENT

BREAKS = (HTTPParseError, OSError, Timeout)
PER_USER = asks.number("LOAD_RATE_PER_USER", 1)
HEADERS = asks.headers()

events.init_command_line_parser.add_listener(objectives.add_options)
events.quitting.add_listener(objectives.judge)


class GatewayUser(FastHttpUser):
    """What all have: one connection each, and nothing is asked twice."""

    abstract = True
    max_retries = max_redirects = 0
    connection_timeout = 10.0
    network_timeout = asks.number("LOAD_TIMEOUT_S", 120)
    wait_time = constant_throughput(PER_USER) if PER_USER else constant(0)
    ask: ClassVar[asks.Ask]

    def post(self, *, stream: bool = False) -> ResponseContextManager:
        """Ask once."""
        return self.client.post(
            self.ask.path,
            self.ask.body,
            headers=HEADERS | {"Content-Type": self.ask.content_type},
            name=self.ask.name,
            stream=stream,
            catch_response=True,
        )


class WholeUser(GatewayUser):
    """Those whose answers are judged when they are whole."""

    abstract = True

    @task
    def call(self) -> None:
        """Ask, and judge."""
        with self.post() as answer:
            wrong = refused(answer) or asks.judged(
                lambda: self.ask.judge(answer.content or b"", answer.headers or {})
            )
            if wrong is not None:
                answer.failure(wrong)


class ChatUser(WholeUser):
    """Chat completions."""

    weight = asks.share("CHAT", 4)
    abstract = not weight
    ask = asks.chat()


class EmbeddingsUser(WholeUser):
    """Embeddings."""

    weight = asks.share("EMBEDDINGS", 2)
    abstract = not weight
    ask = asks.embeddings()


class SpeechUser(WholeUser):
    """Text that is read aloud."""

    weight = asks.share("SPEECH", 1)
    abstract = not weight
    ask = asks.speech()


class TranscriptionUser(WholeUser):
    """Sound that is written down."""

    weight = asks.share("TRANSCRIPTION", 1)
    abstract = not weight
    ask = asks.transcription()


class StreamUser(GatewayUser):
    """Streamed chat completions: two rows, the first event and the whole stream."""

    weight = asks.share("STREAM", 4)
    abstract = not weight
    ask = asks.chat(stream=True)

    @task
    def stream(self) -> None:
        """Ask, and read to the end or to the first thing that is wrong."""
        began = time.perf_counter()
        with self.post(stream=True) as answer:
            wrong = refused(answer) or asks.judged(lambda: self._read(answer, began))
            answer.request_meta["response_time"] = since_ms(began)
            if wrong is not None:
                answer.failure(wrong)

    def _read(self, answer: ResponseContextManager, began: float) -> str | None:
        chunks = asks.Chunks()
        first = True
        try:
            while event := answer.stream.readline(b"\n\n"):
                if first:
                    self._tell_of_the_first(since_ms(began), len(event))
                    first = False
                if (wrong := chunks.take(event)) is not None:
                    return wrong
        except BREAKS as error:
            return f"the stream broke off: {type(error).__name__}"
        finally:
            answer.stream.release()
        return chunks.wrong()

    def _tell_of_the_first(self, after_ms: float, size: int) -> None:
        events.request.fire(
            request_type=EVENT,
            name=f"{self.ask.name}: first event",
            response_time=after_ms,
            response_length=size,
            exception=None,
            context={},
        )


def refused(answer: ResponseContextManager) -> str | None:
    """Why there is no answer: the connection, or the status."""
    if not answer.status_code:
        return f"no answer: {type(getattr(answer, 'error', None)).__name__}"
    if answer.status_code == 200:
        return None  # the content of a stream is not looked at here: that would wait for all of it
    return asks.refused(answer.status_code, answer.content or b"")


def since_ms(began: float) -> float:
    """Milliseconds since a time of `time.perf_counter`."""
    return 1000 * (time.perf_counter() - began)
