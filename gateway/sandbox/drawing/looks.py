"""Who looks how: the cast by hand, everyone else by the digits of their number."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.sandbox.ids import seed_of

if TYPE_CHECKING:
    from gateway.sandbox.ids import Colour

__all__ = ["LOOKS", "STRANGERS", "Look", "look_of", "stranger"]


@dataclass(frozen=True, slots=True)
class Look:
    """One person: colours, and names of drawing functions in `hair`, `clothes` and `features`."""

    skin: Colour
    hair: str
    hair_colour: Colour
    clothes: str
    cloth: Colour
    accent: Colour = (244, 240, 232)
    beard: str = "none"
    glasses: str = "none"
    mouth: str = "smile"
    extra: str = "none"
    eyes: Colour = (74, 50, 38)


SKINS: Final[tuple[Colour, ...]] = (
    (250, 217, 194),
    (241, 197, 166),
    (229, 178, 141),
    (207, 150, 111),
    (172, 114, 78),
    (133, 83, 57),
    (98, 62, 46),
)
PORCELAIN, FAIR, HONEY, TAN, BROWN, DEEP, EBONY = SKINS

BLACK: Final[Colour] = (38, 32, 38)
ESPRESSO: Final[Colour] = (62, 42, 36)
CHESTNUT: Final[Colour] = (106, 66, 44)
AUBURN: Final[Colour] = (156, 78, 44)
COPPER: Final[Colour] = (196, 104, 52)
BLOND: Final[Colour] = (226, 186, 112)
SILVER: Final[Colour] = (190, 190, 196)

NAVY: Final[Colour] = (46, 62, 98)
FOREST: Final[Colour] = (52, 98, 84)
RUST: Final[Colour] = (186, 88, 62)
MUSTARD: Final[Colour] = (222, 168, 66)
PLUM: Final[Colour] = (112, 66, 108)
CREAM: Final[Colour] = (240, 232, 216)
CHARCOAL: Final[Colour] = (66, 68, 78)
TEAL: Final[Colour] = (46, 128, 136)
ROSE: Final[Colour] = (214, 118, 124)
SKY: Final[Colour] = (104, 152, 204)

LOOKS: Final[dict[str, Look]] = {
    "15551234567@c.us": Look(BROWN, "curls", ESPRESSO, "blazer", TEAL, CREAM, extra="hoops"),
    "447700900123@c.us": Look(
        FAIR, "parted", AUBURN, "sweater", NAVY, beard="full", glasses="round", eyes=(84, 112, 120)
    ),
    "33639980142@c.us": Look(PORCELAIN, "bob", BLACK, "stripes", CREAM, NAVY, mouth="lips"),
    "61491570156@c.us": Look(TAN, "long", BLACK, "blouse", RUST, mouth="laugh", extra="hoops"),
    "46701740652@c.us": Look(
        PORCELAIN, "bun", BLOND, "turtleneck", ROSE, glasses="soft", eyes=(86, 124, 150)
    ),
    "12125550187@c.us": Look(EBONY, "fade", BLACK, "suit", CHARCOAL, RUST, beard="short"),
    "15550100042@c.us": Look(HONEY, "quiff", CHESTNUT, "hoodie", SKY, CREAM, mouth="laugh"),
    "12025550143@c.us": Look(HONEY, "hijab", PLUM, "blouse", MUSTARD, mouth="lips"),
    "551187654321@c.us": Look(BROWN, "wavy_short", BLACK, "tee", MUSTARD, beard="stubble"),
    "552198765432@c.us": Look(DEEP, "braids", BLACK, "tee", ROSE, mouth="laugh", extra="studs"),
    "15555550110@c.us": Look(FAIR, "crop", BLOND, "tee", FOREST),
    "15555550114@c.us": Look(
        FAIR, "receding", SILVER, "shirt", SKY, CREAM, glasses="square", beard="moustache"
    ),
    "15555550115@c.us": Look(EBONY, "puff", BLACK, "sweater", MUSTARD, extra="hoops"),
    "15555550116@c.us": Look(PORCELAIN, "bald", COPPER, "turtleneck", CHARCOAL, beard="full"),
    "15555550117@c.us": Look(HONEY, "ponytail", CHESTNUT, "tee", TEAL, mouth="laugh"),
    "15555550118@c.us": Look(PORCELAIN, "crop", ESPRESSO, "shirt", PLUM, glasses="square"),
    "15555550119@c.us": Look(DEEP, "headwrap", RUST, "blouse", FOREST, extra="hoops"),
    "15555550120@c.us": Look(
        PORCELAIN, "beanie", COPPER, "sweater", FOREST, RUST, extra="freckles", eyes=(88, 120, 92)
    ),
    "15555550121@c.us": Look(FAIR, "fringe", BLACK, "turtleneck", CREAM, glasses="round"),
    "15555550122@c.us": Look(FAIR, "parted", BLOND, "hoodie", RUST, CREAM, beard="stubble"),
}

# Drawn faces are kept; so few kinds of strangers that a crowd of them is cheap.
STRANGERS: Final = 24
_WITH_BEARD: Final = ("parted", "crop", "fade", "quiff", "wavy_short", "receding", "bald", "beanie")
_WITHOUT: Final = ("curls", "bob", "long", "bun", "braids", "puff", "ponytail", "fringe", "hijab")


def look_of(contact: str, version: int = 1) -> Look:
    """How a contact looks; a cast member keeps the face and changes clothes with the photo."""
    if contact in LOOKS:
        return LOOKS[contact]
    return stranger(seed_of(contact, version)[4] % STRANGERS)


def stranger(number: int) -> Look:
    """One of the `STRANGERS` made-up people."""
    chance = random.Random(number * 7919 + 11)
    skin = SKINS[number % len(SKINS)]
    dark = skin in {BROWN, DEEP, EBONY, TAN}
    colours = (BLACK, ESPRESSO) if dark else (BLACK, ESPRESSO, CHESTNUT, AUBURN, BLOND, SILVER)
    bearded = number % 2 == 0
    hair = (_WITH_BEARD if bearded else _WITHOUT)[number // 2 % 8]
    cloths = (NAVY, FOREST, RUST, MUSTARD, PLUM, CREAM, CHARCOAL, TEAL, ROSE, SKY)
    cloth = chance.choice(cloths)
    return Look(
        skin,
        hair,
        chance.choice((PLUM, TEAL, ROSE)) if hair == "hijab" else chance.choice(colours),
        chance.choice(("tee", "sweater", "shirt", "hoodie", "turtleneck", "blouse", "suit")),
        cloth,
        chance.choice([colour for colour in cloths if colour != cloth]),
        beard=chance.choice(("none", "short", "full", "stubble", "none")) if bearded else "none",
        glasses=chance.choice(("none", "none", "round", "square", "soft")),
        mouth=chance.choice(("smile", "laugh", "smile" if bearded else "lips")),
        extra="none" if bearded else chance.choice(("none", "hoops", "studs", "freckles")),
    )
