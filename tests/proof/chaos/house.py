"""The whole of it: an upstream with colour-coded contacts, gateways, Valkey and a store."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests import processes
from tests.e2e.album import COLOURS, colour_of, contact_of, picture_in
from tests.e2e.colours import SETTINGS as SOON_DUE
from tests.machines import common, machines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from tests.machines import Common
    from tests.processes import Control, Running

MACHINES: Final = ("left", "right")
"""Names of the gateways, in their order, as the lanes of a schedule call them."""

SETTINGS: Final = SOON_DUE | {"GATEWAY_ERROR_TTL": "1s", "GATEWAY_UPSTREAM_RATE": "20/s"}
"""Soon it is due, and soon it is asked about again: there is always something to go wrong."""


@dataclass(frozen=True)
class House:
    """Everything that can be disturbed, and so many people with photos.

    Without `shared`, the one gateway is alone.
    """

    served: Sequence[Running]
    control: Control
    people: int = COLOURS
    shared: Common | None = None

    def paint(self, numbers: Iterable[int], **scenario: object) -> None:
        """Give contacts the photo in their colour, and besides let them play `scenario`."""
        for number in numbers:
            body = picture_in(colour_of(number)).decode("latin-1")
            played = {"cdn": "reply", "params": {"body": body, "type": "image/jpeg"}} | scenario
            self.control.set(contact_of(number), **played)

    def renew(self, numbers: Iterable[int]) -> None:
        """Give contacts another photo, in their colour still."""
        for number in numbers:
            self.control.new_photo(contact_of(number))

    @property
    def logs(self) -> str:
        return "".join(each.log.read_text() for each in self.served)


@contextmanager
def _upstream(folder: Path) -> Iterator[tuple[Running, Control]]:
    with processes.sandbox(folder) as upstream:
        control = processes.Control(upstream.url)
        yield upstream, control


@contextmanager
def alone(folder: Path) -> Iterator[House]:
    """Start one gateway of two workers."""
    with _upstream(folder) as (upstream, control):
        settings = processes.settings_for(upstream.url, folder / "store") | SETTINGS
        with processes.gateway(folder, settings) as served:
            house = House([served], control)
            house.paint(range(COLOURS))
            yield house


@contextmanager
def joined(folder: Path, *, people: int = COLOURS) -> Iterator[House]:
    """Start two gateways of two workers; skips the test where there is no Valkey or S3 server."""
    with (
        _upstream(folder) as (upstream, control),
        common(folder) as shared,
        machines(folder, upstream.url, shared, SETTINGS) as served,
    ):
        house = House(served, control, people, shared)
        house.paint(range(people))
        yield house
