"""The machinery of every simulator: the listener, its connections, faults and recording. A
vendor's program adds `answer`.
"""

import asyncio
import itertools
import ssl
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from tests.simulators.answer import Answer, RefusalError, json_answer
from tests.simulators.control import PREFIX, control
from tests.simulators.delivery import Delivery
from tests.simulators.disturbance import disturb
from tests.simulators.faults import Fault, FaultKind, FaultPlan, FaultRule, headers_from
from tests.simulators.http import (
    MAX_HEAD_BYTES,
    BadRequestError,
    Connection,
    Request,
    WatchedProtocol,
)
from tests.simulators.recording import RecordedRequest


class Simulator(ABC):
    """An upstream on 127.0.0.1: `async with OpenAISimulator() as sim: sim.url, sim.requests,
    sim.fail_next(...)`.
    """

    def __init__(self, *, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[RecordedRequest] = []
        self.faults = FaultPlan()
        self._port = port
        self._tls = tls
        self.loop: asyncio.AbstractEventLoop | None = None  # where it runs, once it listens
        self._server: asyncio.Server | None = None
        self._numbers = itertools.count(1)
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    # ------------------------------------------------------------------------- what a vendor adds

    @abstractmethod
    def answer(self, request: Request) -> Answer:
        """What the vendor answers. Raises RefusalError for what it does not serve."""

    @abstractmethod
    def refusal(self, error: RefusalError) -> Answer:
        """A refusal with the headers that the vendor gives it."""

    @abstractmethod
    def failure(self, status: int) -> RefusalError:
        """What the vendor says when it fails with this status."""

    @abstractmethod
    def model_of(self, request: Request) -> str | None:
        """The model or deployment that the request names, as faults are matched by it."""

    # --------------------------------------------------------------------------- what a test uses

    @property
    def url(self) -> str:
        """The address, without a path."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    @property
    def port(self) -> int:
        """The port, once it listens."""
        return self._port

    def fail_next(
        self,
        kind: FaultKind | str = FaultKind.TIMING,
        *,
        times: int | None = 1,
        model: str | None = None,
        path: str | None = None,
        contains: str | None = None,
        **measures: Any,  # noqa: ANN401 - the fields of Fault
    ) -> None:
        """Plan a fault for the next `times` matching requests (None: all); `measures` are the
        fields of `Fault`.
        """
        if isinstance(measures.get("body"), str):
            measures["body"] = measures["body"].encode()
        if "headers" in measures:
            measures["headers"] = headers_from(measures["headers"])
        fault = Fault(kind=FaultKind(kind), **measures)
        self.faults.rules.append(FaultRule(fault, times, model, path, contains))

    def reset(self) -> None:
        """Forget requests and faults."""
        self.requests.clear()
        self.faults.rules.clear()

    async def listen(self) -> None:
        """Open the listener; a port of 0 becomes the one that was given."""
        self.loop = asyncio.get_running_loop()
        self._server = await self.loop.create_server(
            self._new_protocol, "127.0.0.1", self._port, ssl=self._tls, backlog=1024
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Close the listener and drop every connection: new ones are refused, as by a dead
        process.
        """
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            connection.reset()
        await asyncio.sleep(0)

    async def stop(self) -> None:
        """Close everything and wait for it."""
        await self.refuse()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something until the simulator stops."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -------------------------------------------------------------------------- one client's side

    def _new_protocol(self) -> WatchedProtocol:
        reader = asyncio.StreamReader(limit=MAX_HEAD_BYTES)
        gone = asyncio.Event()
        number = next(self._numbers)

        def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = Connection(number, reader, writer, gone)
            self._connections.add(connection)
            self.in_background(self._serve(connection))

        return WatchedProtocol(reader, gone, connected)

    async def _serve(self, connection: Connection) -> None:
        try:
            while await self._serve_one(connection):
                continue
        except BadRequestError as error:
            answer = json_answer({"error": str(error)}, status=error.status)
            await Delivery(connection, answer, None).send()
        finally:
            connection.close()
            self._connections.discard(connection)

    async def _serve_one(self, connection: Connection) -> bool:
        request = await connection.read_request()
        if request is None:
            return False
        if request.path.startswith(PREFIX):
            return await Delivery(connection, control(self, request), None).send()
        record = RecordedRequest.of(request, connection.number)
        self.requests.append(record)
        fault = self.faults.take(request, self.model_of(request))
        record.fault = fault.kind if fault else None
        answer = self._disturbed(request, fault)
        record.status = answer.status
        whole = await self._deliver(
            connection, Delivery(connection, answer, fault, record.heard), record
        )
        return whole and not request.wants_close

    async def _deliver(
        self, connection: Connection, delivery: Delivery, record: RecordedRequest
    ) -> bool:
        """Send the answer until it is out or the client goes away, whichever is first."""
        sending = asyncio.ensure_future(delivery.send())
        leaving = asyncio.ensure_future(connection.gone.wait())
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done() and not isinstance(sending.exception(), ConnectionError):
                whole = sending.result()
                record.answered_after_ms = record.elapsed_ms if whole else None
                return whole
            record.disconnected_after_ms = record.elapsed_ms
            return False
        finally:
            sending.cancel()
            leaving.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)

    def _disturbed(self, request: Request, fault: Fault | None) -> Answer:
        answer = self._answered(request)
        if fault is None:
            return answer
        if fault.kind is FaultKind.STATUS:
            answer = self._with_status(fault, fault.status or 500)
        return disturb(answer, fault)

    def _answered(self, request: Request) -> Answer:
        try:
            return self.answer(request)
        except RefusalError as error:
            return self.refusal(error)

    def _with_status(self, fault: Fault, status: int) -> Answer:
        """The vendor's own error of that status, or the test's body."""
        if fault.body is not None:
            return Answer(status, (("content-type", "application/json"),), fault.body)
        return replace(self.refusal(self.failure(status)), status=status)
