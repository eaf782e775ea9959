"""What is on the contact sheet: every format, shape, fallback and script."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from PIL import Image

from gateway.imaging.silhouettes import draw_blank
from gateway.imaging.tints import TINTS
from gateway.model import Canvas, Colour, Format, Kind, Shape
from tests.imaging.letters import with_sample
from tests.imaging.pictures import decoded

from .drawing import letters, pattern, person, photo

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SIDE: Final = 96
"""Pixels of a tile's picture: 48 at a density of two."""

WHITE, NIGHT, PINK = Colour(255, 255, 255), Colour(17, 20, 26), Colour(224, 33, 138)
_BLUE, _ORANGE = Colour(47, 128, 237), Colour(255, 140, 0)

_MAYA, _LEON, _PETER = "15551234567@c.us", "4915112345678@c.us", "15555550101@c.us"


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture, its caption and the page it lies on; smaller ones lie in the middle."""

    caption: str
    picture: Image.Image
    page: Colour = WHITE

    def composed(self) -> Image.Image:
        """The picture on its page, as a browser shows it: RGB, `SIDE` × `SIDE`."""
        page = Image.new("RGB", (SIDE, SIDE), self.page)
        at = ((SIDE - self.picture.width) // 2, (SIDE - self.picture.height) // 2)
        page.paste(self.picture, at, self.picture.convert("RGBA"))
        return page


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its tiles."""

    heading: str
    tiles: Sequence[Tile]


_CIRCLE: Final = Canvas(SIDE, shape=Shape.CIRCLE)
_ROUNDED: Final = Canvas(SIDE, shape=Shape.ROUNDED)
_RINGED: Final = Canvas(SIDE, shape=Shape.CIRCLE, ring=_BLUE)


def _shapes(page: Colour) -> Iterator[Tile]:
    yield Tile("square", photo(Canvas(SIDE), _MAYA), page)
    yield Tile("rounded", photo(_ROUNDED, _MAYA), page)
    yield Tile("circle", photo(_CIRCLE, _MAYA), page)
    yield Tile("ring", photo(_RINGED, _MAYA), page)
    yield Tile("rounded, ring", photo(Canvas(SIDE, shape=Shape.ROUNDED, ring=_ORANGE), _MAYA), page)
    yield Tile("bg=ffffff", photo(Canvas(SIDE, shape=Shape.CIRCLE, bg=WHITE), _MAYA), page)
    yield Tile("silhouette", person(_CIRCLE), page)
    yield Tile("ring", person(_RINGED), page)
    yield Tile("initials", letters("Ana López", _CIRCLE, 9), page)
    yield Tile(
        "ring", letters("Ana López", Canvas(SIDE, shape=Shape.CIRCLE, ring=_ORANGE), 13), page
    )
    yield Tile("identicon", pattern(_CIRCLE), page)
    yield Tile("rounded", pattern(_ROUNDED, b"leon"), page)


def _sizes() -> Iterator[Tile]:
    for size in (16, 24, 32, 48, 64, 96):
        yield Tile(f"size={size}", photo(Canvas(size, shape=Shape.CIRCLE, ring=_BLUE), _LEON))
    yield Tile("size=16, dpr=3", photo(Canvas(48, shape=Shape.CIRCLE, ring=_BLUE), _LEON))
    for caption, small in (
        ("16 px, circle", letters("A L", Canvas(16, shape=Shape.CIRCLE), 9)),
        ("16 px, ring", person(Canvas(16, shape=Shape.CIRCLE, ring=_ORANGE))),
        ("16 px, rounded", photo(Canvas(16, shape=Shape.ROUNDED), _MAYA)),
        ("24 px, circle", photo(Canvas(24, shape=Shape.CIRCLE), _MAYA)),
        ("24 px, initials", letters("A L", Canvas(24, shape=Shape.ROUNDED), 13)),
    ):
        large = small.resize((SIDE, SIDE), Image.Resampling.NEAREST)
        yield Tile(f"{caption}, x{SIDE // small.width}", large)


def _formats() -> Iterator[Tile]:
    for contact in (_MAYA, _PETER):
        for fmt in Format:
            canvas = Canvas(SIDE, fmt, Shape.CIRCLE, ring=_BLUE if contact == _LEON else None)
            yield Tile(fmt.value, photo(canvas, contact))


def _fallbacks() -> Iterator[Tile]:
    for kind in Kind:
        yield Tile(f"silhouette, {kind.value}", person(_ROUNDED, kind))
    for name, tint in (("Ana López", 2), ("anna", 7)):
        yield Tile("initials", letters(name, _ROUNDED, tint))
    for seed in (b"maya", b"leon", b"ada", b"grace", b"alan"):
        yield Tile("identicon", pattern(_ROUNDED, seed))
    yield Tile("blank", decoded(draw_blank(_ROUNDED)), Colour(238, 241, 245))
    yield Tile("blank, bg=f4b400", decoded(draw_blank(Canvas(SIDE, bg=Colour(244, 180, 0)))))


def _tints() -> Iterator[Tile]:
    half = SIDE // 2
    for number in range(0, len(TINTS), 2):
        picture = Image.new("RGB", (SIDE, SIDE), WHITE)
        picture.paste(NIGHT, (half, 0, SIDE, SIDE))
        for row, column in product(range(2), repeat=2):
            circle = letters("Ada Lovelace", Canvas(half - 8, shape=Shape.CIRCLE), number + row)
            picture.paste(circle, (column * half + 4, row * half + 4), circle)
        yield Tile("", picture)


NAMES: Final = (
    *("jean-luc picard", "Lopez, Ana", "Vincent van Gogh", "Khalid Al-Farsi", "Prof. Dr. Li"),
    *("anna@example.com", "+49 170 1234567"),
)
"""Names whose initials, or none, say how they are chosen."""


def _names() -> Iterator[Tile]:
    for number, name in enumerate(NAMES):
        yield Tile(name, letters(name, _ROUNDED, (3 * number + 1) % len(TINTS)))
    yield Tile("emoji only", letters("\U0001f642", _ROUNDED, 0))
    with TemporaryDirectory() as folder:
        fonts = with_sample(Path(folder))
        for caption, name in (
            ("Chinese", "李小龙"),
            ("Japanese", "山田 太郎"),
            ("Korean", "김철수"),
        ):
            yield Tile(caption, letters(name, _ROUNDED, len(caption), fonts))
    yield Tile("no font: Chinese", letters("李小龙", _ROUNDED, 0))


SCRIPTS: Final = {
    "Latin": "Ana María López",
    "Vietnamese": "Nguyễn Văn Ấn",
    "Yoruba": "Ẹ̀kọ́ Adé",
    "Cyrillic": "Йосиф Каренин",
    "Greek": "Ωμέγα Ψι",
    "Arabic": "محمد علي",
    "Hebrew": "אברהם לינקולן",
    "Devanagari": "नरेंद्र मोदी",
    "a conjunct": "क्षितिज",
    "Thai": "สมชาย ใจดี",
    "Armenian": "Արամ Խաչատրյան",
    "Georgian": "შოთა რუსთაველი",
    "Bengali": "রবীন্দ্রনাথ ঠাকুর",
    "Gujarati": "શ્વેતા પટેલ",
    "Gurmukhi": "ਗੁਰੂ ਨਾਨਕ",
    "Tamil": "கமல் ஹாசன்",
    "Telugu": "శ్రీనివాస్ రావు",
    "Kannada": "ರಾಜ್‌ಕುಮಾರ್",
    "Malayalam": "മോഹൻ ലാൽ",
    "Sinhala": "සිල්වා",
    "Khmer": "ខ្ញុំ សុខ",
    "Lao": "ສົມພອນ ໃຈ",
    "Burmese": "အောင်ဆန်း စု",
    "Ethiopic": "አበበ ቢቂላ",
}


def _scripts() -> Iterator[Tile]:
    for number, (script, name) in enumerate(SCRIPTS.items()):
        yield Tile(script, letters(name, _CIRCLE, number * 5 % len(TINTS)))


def sections() -> list[Section]:
    """Everything on the sheet, in order."""
    return [
        Section(
            "Shapes, on white, on black and on a colour",
            [tile for page in (WHITE, NIGHT, PINK) for tile in _shapes(page)],
        ),
        Section("Sizes, and small ones enlarged", list(_sizes())),
        Section("Formats", list(_formats())),
        Section("Fallbacks", list(_fallbacks())),
        Section("Initials of names", list(_names())),
        Section("Initials in many scripts", list(_scripts())),
        Section("Tints, by a keyed hash of the contact", list(_tints())),
    ]
