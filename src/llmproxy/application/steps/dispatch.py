"""Road: the one owner of retries.

A call walks its plan until a deployment answers or none is left; `walk` decides on every step.
"""

from llmproxy.application.interfaces.upstream import Conversation, Deployment, Reply
from llmproxy.application.steps.admission import Admission, not_ready
from llmproxy.application.steps.ground import Ground
from llmproxy.application.steps.journey import Journey
from llmproxy.application.steps.race import Ask, Race
from llmproxy.application.steps.walk import Walk
from llmproxy.domain.errors import GatewayError


class Dispatch:
    """Has calls answered over the deployments of their plans.

    A failure moves a call on, as long as no content has reached the caller and the caller still
    waits. A provider's refusal of the request itself does not, because the next one would refuse it
    too, unless a model is named for it; what one deployment alone cannot do does. A deployment
    whose own limits leave no room is passed over.
    """

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def answer(self, admission: Admission) -> tuple[Reply, Deployment]:
        """Return the first whole answer.

        Raises the last provider's UpstreamError, else the first reason not to ask one. A deployment
        after the first has only the time that the client waits on.
        """
        walk = Walk(self._ground, admission)
        call = admission.call
        while True:
            deployment = await walk.next()
            if deployment is None:
                await walk.pause(walk.wait_s)
                continue
            try:
                after_s = walk.hedges_after_s()
                if after_s is not None:
                    reply, deployment = await self._race(walk, admission, after_s)
                elif deployment.answering is None:
                    raise not_ready(deployment)
                else:
                    reply = await deployment.answering.answer(call)
            except GatewayError as error:
                walk.failed(error)
                call.silence_s = walk.left_s
            except BaseException as error:
                walk.cut_off(error)
                raise
            else:
                walk.answered(reply.load_percent)
                return reply, deployment

    async def _race(
        self, walk: Walk, admission: Admission, after_s: float
    ) -> tuple[Reply, Deployment]:
        """Have two deployments asked, the second after a while. Raises GatewayError."""
        call = admission.call

        async def answer(deployment: Deployment) -> tuple[Reply, Deployment]:
            if deployment.answering is None:
                raise not_ready(deployment)
            return await deployment.answering.answer(call), deployment

        race = Race(self._ground, admission, walk, Ask(answer, _nothing), after_s)
        try:
            return await race.all_said()
        finally:
            race.close()

    async def converse(self, admission: Admission) -> tuple[Conversation, Deployment]:
        """Return the first conversation accepted. Raises as `answer` does.

        Its attempt is recorded when the conversation ends.
        """
        walk = Walk(self._ground, admission)
        while True:
            deployment = await walk.next()
            if deployment is None:
                await walk.pause(walk.wait_s)
                continue
            try:
                if deployment.conversing is None:
                    raise not_ready(deployment)
                conversation = await deployment.conversing.converse(admission.call)
            except GatewayError as error:
                walk.failed(error)
            except BaseException as error:
                walk.cut_off(error)
                raise
            else:
                walk.accepted()
                return conversation, deployment

    def stream(self, admission: Admission) -> Journey:
        """Return the journey of a streamed answer; nothing is sent before its first `next`."""
        return Journey(self._ground, admission)


def _nothing(_: object) -> None:
    """Drop a whole answer: its provider has no work left to give up."""
