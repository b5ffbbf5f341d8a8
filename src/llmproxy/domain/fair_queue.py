"""Who of those that wait goes next: first come, first served within a flow, by weight between them.

Start-time fair queueing (P. Goyal, H. M. Vin, H. Cheng, "Start-Time Fair Queueing: A Scheduling
Algorithm for Integrated Services Packet Switching Networks", SIGCOMM 1996). Each flow has a tag:
when its next turn begins, in virtual time. The flow with the smallest tag goes next, virtual time
becomes that tag, and the flow's tag grows by what the turn costs, divided by the flow's weight. A
flow that waits for nothing saves nothing up: when it comes again, its tag is virtual time at least.

While two flows wait all the time, what they were given, divided by their weights, differs by no
more than one turn of each, however many of either wait (theorem 1 there). A flow that has been out
of the queue with a tag beyond virtual time keeps it, so that leaving and coming back gains nothing.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")

MAX_REMEMBERED: Final = 4096
"""Tags of flows that wait for nothing now. Beyond it the oldest is forgotten: that flow gets one
turn early at most."""


class Place(Generic[Item]):
    """Where an item waits; `queued` until it goes or leaves."""

    __slots__ = ("cost", "flow", "item", "number", "queued")

    def __init__(self, item: Item, flow: "Flow[Item]", number: int, cost: float) -> None:
        self.item = item
        self.cost = cost
        self.flow = flow
        self.number = number
        self.queued = True


class Flow(Generic[Item]):
    """All that waits under one name, first come, first served."""

    __slots__ = ("name", "places", "tag", "weight")

    def __init__(self, name: Hashable, tag: float) -> None:
        self.name = name
        self.weight = 1.0
        self.tag = tag
        self.places: OrderedDict[int, Place[Item]] = OrderedDict()

    @property
    def first(self) -> Place[Item]:
        """Who came first."""
        return next(iter(self.places.values()))


class FairQueue(Generic[Item]):
    """Items that wait, each in the flow it was joined to. Knows no time, bounds nothing itself."""

    def __init__(self) -> None:
        self._flows: dict[Hashable, Flow[Item]] = {}
        """Those of which something waits."""
        self._remembered: OrderedDict[Hashable, float] = OrderedDict()
        self._virtual = 0.0
        self._joined = 0
        self.length = 0
        """How many wait: a plain number, for the path that all requests take."""

    def __iter__(self) -> Iterator[Place[Item]]:
        """Yield all places, flow by flow. Nothing may change between."""
        for flow in self._flows.values():
            yield from flow.places.values()

    def join(self, item: Item, flow: Hashable, *, weight: float, cost: float) -> Place[Item]:
        """Have an item wait behind all of its flow, whose weight is `weight` from now on.

        Weight and cost are above 0.
        """
        found = self._flows.get(flow)
        if found is None:
            tag = max(self._virtual, self._remembered.pop(flow, 0.0))
            found = self._flows[flow] = Flow(flow, tag)
        found.weight = weight
        self._joined += 1
        place = Place(item, found, self._joined, cost)
        found.places[place.number] = place
        self.length += 1
        return place

    def firsts(self) -> Iterator[Place[Item]]:
        """Yield the first of every flow, in the order of their turns. Nothing may change between.

        Takes a time that grows with the number of flows, not of items.
        """
        if not self._flows:
            return
        flows = self._flows.values()
        yield min(flows, key=_order).first
        for flow in sorted(flows, key=_order)[1:]:
            yield flow.first

    def go(self, place: Place[Item]) -> None:
        """Give the first of a flow its turn; the flow pays for it."""
        flow = place.flow
        self._virtual = max(self._virtual, flow.tag)
        flow.tag += place.cost / flow.weight
        self._remove(place)

    def leave(self, place: Place[Item]) -> None:
        """Take an item out that had no turn; the flow pays nothing. Twice is as good as once."""
        if place.queued:
            self._remove(place)

    def last_of_longest(self, newest: Place[Item]) -> Place[Item]:
        """Return the newest item of the flow that takes most of the queue for its weight.

        It is `newest` itself where no flow takes more than the one of that.
        """
        longest, most = newest.flow, len(newest.flow.places) / newest.flow.weight
        for flow in self._flows.values():
            taken = len(flow.places) / flow.weight
            if taken > most:
                longest, most = flow, taken
        return next(reversed(longest.places.values()))

    def _remove(self, place: Place[Item]) -> None:
        flow = place.flow
        place.queued = False
        del flow.places[place.number]
        self.length -= 1
        if flow.places:
            return
        del self._flows[flow.name]
        if not self._flows:
            # Nobody waits, so nobody is ahead of anybody: all begin anew.
            self._remembered.clear()
            self._virtual = 0.0
        elif flow.tag > self._virtual:
            self._remembered[flow.name] = flow.tag
            if len(self._remembered) > MAX_REMEMBERED:
                self._remembered.popitem(last=False)


def _order(flow: Flow[Item]) -> tuple[float, int]:
    """By the tag; of equal tags who came first."""
    return flow.tag, flow.first.number
