"""Where an answer may be already: under way, or kept."""

from dataclasses import replace
from typing import Final

from llmproxy.application.interfaces.response_cache import (
    AnswerForms,
    Form,
    Kept,
    Look,
    ResponseCache,
)
from llmproxy.application.steps.admission import Admission
from llmproxy.application.steps.admit import Admit
from llmproxy.application.steps.settle import NOTHING, Settle
from llmproxy.application.use_cases.replayed.asked import Asked, Source
from llmproxy.application.use_cases.replayed.flights import Flight, Flights
from llmproxy.domain.errors import GatewayError, IdempotencyKeyReused

JSON: Final = b"content-type: application/json"


class Looking:
    """Looks among `flights`, and in `store`."""

    def __init__(
        self,
        admit: Admit,
        settle: Settle,
        store: ResponseCache,
        forms: AnswerForms,
        flights: Flights,
    ) -> None:
        self._admission_of = admit
        self._settle = settle
        self._store = store
        self._forms = forms
        self._boarding = flights.boarding

    def at_hand(self, asked: Asked) -> Kept | None:
        """Return what is kept here, unless who asks wants another answer or one is under way."""
        if asked.anew or asked.boarding in self._boarding:
            return None
        kept = self._store.at_hand(asked.key)
        return None if kept is None else self._fitting(asked, kept)

    async def find(
        self, asked: Asked, source: Source
    ) -> tuple[Kept | None, Flight | None, Admission | None]:
        """Return what is kept, else a flight to board, else that the call may ask for itself.

        Where it is admitted already, that is returned too.
        """
        if asked.anew:
            return None, None, await source.admit()
        boarding = asked.boarding
        flight = self._boarding.get(boarding)
        admission = None
        if flight is None:
            look = self._store.begin(asked.key)
            if look is not None:
                if asked.likely:
                    kept, admission = await self._let_in(asked, look)
                else:
                    kept, admission = await self._admit(source, asked, look)
                if kept is not None:
                    return kept, None, admission
                # Who took off in the meantime lands behind this look at what is kept.
                flight = self._boarding.get(boarding)
        if flight is None and admission is None:
            admission = await source.admit()
            flight = self._boarding.get(boarding)
        if flight is not None:
            check(asked, flight.asked.fingerprint)
        return None, flight, admission

    async def _admit(
        self, source: Source, asked: Asked, look: Look
    ) -> tuple[Kept | None, Admission | None]:
        """Do the same for a call that most likely asks a provider, and holds what that may cost.

        Raises what limits refuse, unless an answer is kept: then they have refused nothing.
        """
        admission, refusal = None, None
        try:
            admission = await source.admit(quietly=True)
        except GatewayError as error:
            refusal = error
        except BaseException:
            look.give_up()
            raise
        kept = None
        try:
            found = await look
            kept = None if found is None else self._fitting(asked, found)
        except BaseException:
            if admission is not None:
                self._settle.broken_off(admission, admission.plan[0], NOTHING, None, output_bytes=0)
            raise
        if refusal is not None and kept is None:
            self._admission_of.refused(refusal)
            raise refusal
        return kept, admission

    async def _let_in(self, asked: Asked, look: Look) -> tuple[Kept | None, Admission | None]:
        """Ask store and gate at once: where both are Redis they share one round trip.

        Nothing is held for an answer that is not kept any more. Raises what limits refuse.
        """
        try:
            held = await self._admission_of.free(asked.call, asked.plan)
        except BaseException:
            look.give_up()
            raise
        kept = None
        try:
            found = await look
            kept = None if found is None else self._fitting(asked, found)
        finally:
            if kept is None:
                self._settle.unused(held)
        return (None, None) if kept is None else (kept, held)

    async def kept(self, asked: Asked) -> Kept | None:
        """Return what is kept, in the form that is asked for. Raises IdempotencyKeyReused."""
        kept = await self._store.get(asked.key)
        return None if kept is None else self._fitting(asked, kept)

    def _fitting(self, asked: Asked, kept: Kept) -> Kept | None:
        if kept.fingerprint != asked.fingerprint:
            check(asked, kept.fingerprint)
        if kept.shape == asked.shape:
            return kept
        body = self._forms.converted(kept, asked.call, asked.shape)
        if body is None:
            return None
        lines = [line for line in kept.headers if not line.lower().startswith(b"content-type:")]
        if asked.shape.form is Form.WHOLE:
            lines.append(JSON)
        return replace(kept, shape=asked.shape, body=body, headers=tuple(lines))


def check(asked: Asked, fingerprint: bytes) -> None:
    """Raise IdempotencyKeyReused where another request came with the key."""
    if fingerprint != asked.fingerprint:
        raise IdempotencyKeyReused(
            "This Idempotency-Key came with another request before.",
            param="Idempotency-Key",
            hint="Send each request under a key of its own.",
        )
