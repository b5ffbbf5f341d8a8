"""What limits, ledger and cache add to a request, and what an answer from the cache costs.

All are up at the same time and measured in turn, those that are compared within seconds.
"""

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from bench import checks, redis_server
from bench.checks import WrongAnswerError
from bench.figures import figures
from bench.gateway import ADMIN_KEY, Gateway
from bench.measuring import measure
from bench.plan import Plan
from bench.priced import Earlier, Free, Limited, Shared
from bench.processes import cpu_us
from bench.progress import Progress
from bench.rounds import FAILURES, Rounds
from bench.samples import AGAIN, PLAIN, SHARED_AGAIN, SINGLE, UNARY, Money, Sample
from bench.sites import Running, Stage, Upstreams

KINDS = (UNARY, SINGLE)
_HITS, _MISSES = [f'llmproxy_cache_requests_total{{result="{each}"}}' for each in ("hit", "miss")]


@dataclass(frozen=True, slots=True)
class _Turn:
    """Who is measured, which figure counts all of its answers, and the id of its Redis."""

    running: Running
    counted_by: str | None
    redis_pid: int | None = None


class MoneyRounds(Rounds):
    """Measures them. What fails is said, and ends it."""

    def __init__(self, plan: Plan, found: Upstreams, folder: Path, progress: Progress) -> None:
        super().__init__(plan, found, folder, progress)
        self._no_redis = redis_server.missing() or ""

    def measured(self) -> Money:
        """Start them, load them in turn, and tell what could not be measured."""
        no_earlier = "" if self._plan.earlier else "no earlier build was given (--before)"
        try:
            with ExitStack() as stack:
                self._rounds(self._turns(stack))
        except FAILURES as error:
            self._fail("limits, ledger and cache", error)
        return Money(self._no_redis, no_earlier)

    def _turns(self, stack: ExitStack) -> list[_Turn]:
        """Start all; neighbours in the list are measured one after the other."""
        models = self._plan.other_models
        turns = []
        if self._plan.earlier:
            earlier = Earlier(models, Path(self._plan.earlier))
            turns.append(_Turn(self._started(stack, earlier), None))
        limited = self._started(stack, Limited(models))
        turns.append(_Turn(limited, _MISSES))
        turns.append(_Turn(self._started(stack, Free(models)), None))
        if not self._no_redis:
            turns += self._in_redis(stack)
        turns.append(_Turn(_same_question(limited, AGAIN), _HITS))
        return turns

    def _in_redis(self, stack: ExitStack) -> list[_Turn]:
        try:
            folder = self._folder / "redis"
            redis = stack.enter_context(redis_server.running(folder, self._plan.load_core))
            shared = self._started(stack, Shared(self._plan.other_models, redis.url))
        except FAILURES as error:
            self._fail("limits and cache in Redis", error)
            self._no_redis = "see “What failed”"
            return []
        again = _same_question(shared, SHARED_AGAIN)
        return [_Turn(shared, _MISSES, redis.pid), _Turn(again, _HITS, redis.pid)]

    def _started(self, stack: ExitStack, gateway: Gateway) -> Running:
        stage = Stage(gateway, self._site(f"money-{gateway.name}"), self._plan.gateway_core)
        running, _ = stack.enter_context(stage.running())
        stage.prove(running)
        checks.check_again(running.target.url, running.target.key)
        self._progress.say(f"{gateway.title}: answers rightly")
        return replace(running, target=replace(running.target, different=True))

    def _rounds(self, turns: list[_Turn]) -> None:
        order = [(kind, turn) for kind in KINDS for turn in turns]
        for kind, turn in order:
            measure(turn.running, kind, (PLAIN, -1), self._plan.warming())
        self._progress.expect(self._plan.rounds * len(order))
        for number, (kind, turn) in self._in_turn(order, self._plan.rounds):
            sample = self._sample(kind, turn, number)
            self._keep("money", sample, f", {sample.threads_us_each:5.1f} of it in threads")

    def _sample(self, kind: str, turn: _Turn, number: int) -> Sample:
        before = self._counted(turn)
        redis_before = cpu_us(turn.redis_pid) if turn.redis_pid else 0.0
        sample = self._measured(turn.running, kind, (PLAIN, number))
        redis = cpu_us(turn.redis_pid) - redis_before if turn.redis_pid else 0.0
        counted = self._counted(turn) - before
        if turn.counted_by and counted < sample.answers:
            raise WrongAnswerError(
                f"{sample.gateway}: {sample.answers} answers, but {turn.counted_by} grew by"
                f" {counted:.0f}"
            )
        return replace(sample, beside_us=redis)

    def _counted(self, turn: _Turn) -> float:
        if turn.counted_by is None:
            return 0.0
        return figures(turn.running.target.url, ADMIN_KEY)[turn.counted_by]


def _same_question(running: Running, name: str) -> Running:
    return replace(running, name=name, target=replace(running.target, different=False))
