"""What is simulated: views, contacts, rates and fleets, a pass for each."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from gateway.budget import Rate
from tests.scale.fleet import Fleet
from tests.scale.simulation import MOST, Simulation, Terms
from tests.scale.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MILLION: Final = 1_000_000
MACHINES: Final = (1, 2, 5, 10, 20, 50)
APART: Final = (2, 5, 10, 50)
CONTACTS: Final = 40_000
"""A little less than one account at 30 a minute keeps fresh."""

DEFAULT: Final = Rate(30, 60)
_DAYS: Final = 2


@dataclass(frozen=True, slots=True)
class Scenario:
    """A pass over `traffic` with all `fleets`; `copies` is how many such machines stand apart."""

    name: str
    traffic: Traffic
    fleets: tuple[Fleet, ...]
    rate: Rate = DEFAULT
    copies: int = 1

    def pass_by(self, *, most: int = MOST) -> dict[str, Any]:
        """Let its days pass; return what they came to, as JSON has it."""
        simulation = Simulation(self.traffic, self.fleets, Terms(self.rate, most=most))
        days = asyncio.run(simulation.run())
        return {
            "name": self.name,
            "views": self.traffic.views,
            "contacts": self.traffic.contacts,
            "rate": self.rate.limit / self.rate.period * 60,
            "copies": self.copies,
            "days": [day.told() for day in days],
        }


def bodies(formats: list[dict[str, Any]], kind: str, *sides: int) -> tuple[tuple[int, int], ...]:
    """Pixels, and bytes of such a picture, as ``benchmarks.json`` has measured them."""
    sizes: Mapping[int, int] = {
        each["side"]: each["size"] for each in formats if each["format"] == kind
    }
    return tuple((side, sizes[side]) for side in sides)


def scenarios(formats: list[dict[str, Any]]) -> Iterator[Scenario]:
    """All of them; what is not varied is 10 million views of 40,000 contacts in two sizes."""
    png = partial(bodies, formats, "png")
    usual = png(48, 96)
    fleets = tuple(Fleet(usual, machines=each) for each in MACHINES)
    five = (Fleet(usual, machines=5),)
    for views in (1, 10, 100):
        traffic = Traffic(views * MILLION, CONTACTS, _DAYS)
        yield Scenario(f"{views} million views", traffic, fleets)
    for contacts in (10_000, 100_000, MILLION):
        traffic = Traffic(10 * MILLION, contacts, _DAYS)
        yield Scenario(f"{contacts:,} contacts", traffic, five)
    faster = Traffic(10 * MILLION, 100_000, _DAYS)
    yield Scenario("100,000 contacts, 120 a minute", faster, five, Rate(120, 60))
    yield Scenario("pictures, workers, memory", Traffic(4 * MILLION, CONTACTS, _DAYS), (
        *(Fleet(each, machines=5) for each in (
            png(96), usual, png(48, 96, 128, 256), bodies(formats, "webp", 48, 96))),
        *(Fleet(usual, machines=5, workers=each) for each in (1, 2, 8)),
        *(Fleet(usual, machines=5, cache=each) for each in (16, 256, 1024)),
    ))  # fmt: skip
    for machines in APART:
        traffic = Traffic(10 * MILLION // machines, CONTACTS, _DAYS)
        yield Scenario(f"{machines} machines apart", traffic, (Fleet(usual),), copies=machines)
