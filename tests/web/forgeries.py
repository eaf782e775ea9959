"""URLs that nobody with a key has made, each next to one that somebody has."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.model import ContactId
from gateway.signing import sign
from gateway.signing.tokens import Tokens
from tests.fakes import T0

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEYS: Final = ("test-signing-key-0001", "an-older-key-that-is-no-neighbour")
ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_SEALS: Final = tuple(Tokens([key]) for key in KEYS)


@dataclass(frozen=True)
class Genuine:
    """A URL that is good: what is asked for, and the signature (empty with a token alone)."""

    target: str
    signature: str = ""

    @property
    def url(self) -> str:
        return f"{self.target}&sig={self.signature}" if self.signature else self.target


def signed(dice: random.Random) -> Genuine:
    """Somebody's picture in some size, with an end or without, by any key."""
    contact = f"{dice.randrange(10**10, 10**11)}@c.us"
    target = (
        f"/avatar/{contact}.{dice.choice(('png', 'webp', 'jpg'))}?size={dice.randrange(16, 513)}"
    )
    target += dice.choice(("", "&shape=circle", "&dpr=2", "&fallback=initials&name=Ada+L"))
    if dice.random() < 0.5:
        target += f"&exp={int(T0) + dice.randrange(60, 10**7)}"
    return Genuine(target, sign(target, dice.choice(KEYS)).rpartition("sig=")[2])


def with_end(dice: random.Random) -> Genuine:
    """The same with an end for certain."""
    target = f"/avatar/{dice.randrange(10**10, 10**11)}@c.us?size={dice.randrange(16, 1025)}"
    url = sign(target, dice.choice(KEYS), expires=T0 + dice.randrange(60, 10**7))
    return Genuine(*url.split("&sig="))


def opaque(dice: random.Random) -> Genuine:
    contact = ContactId.parse(str(dice.randrange(10**10, 10**11)))
    return Genuine(
        f"/avatar/{dice.choice(_SEALS).seal(contact)}.png?size={dice.randrange(16, 1025)}"
    )


# ---- what may be wrong with a signature ----


def another(character: str, dice: random.Random) -> str:
    return dice.choice(ALPHABET.replace(character, ""))


def changed(text: str, dice: random.Random) -> str:
    place = dice.randrange(len(text))
    return text[:place] + another(text[place], dice) + text[place + 1 :]


def inserted(text: str, dice: random.Random) -> str:
    place = dice.randrange(len(text) + 1)
    return text[:place] + dice.choice(ALPHABET) + text[place:]


def dropped(text: str, dice: random.Random) -> str:
    place = dice.randrange(len(text))
    return text[:place] + text[place + 1 :]


def cut(text: str, dice: random.Random) -> str:
    return text[: dice.randrange(len(text))]


def turned(text: str, dice: random.Random) -> str:
    place = dice.randrange(1, len(text))
    found = text[place:] + text[:place]
    return found if found != text else changed(text, dice)


def recased(text: str, dice: random.Random) -> str:
    letters = [place for place, each in enumerate(text) if each.isalpha()]
    place = dice.choice(letters)
    return text[:place] + text[place].swapcase() + text[place + 1 :]


def escaped(text: str, dice: random.Random) -> str:
    place = dice.randrange(len(text))
    return f"{text[:place]}%{ord(text[place]):02X}{text[place + 1 :]}"


def respelt(text: str, dice: random.Random) -> str:
    """The same bytes: the last character's low four bits mean nothing."""
    value = ALPHABET.index(text[-1])
    return text[:-1] + ALPHABET[(value & 0b110000) | (value + dice.randrange(1, 16)) & 0b001111]


def extended(text: str, dice: random.Random) -> str:
    added = dice.choice(
        ("=", "==", "%3D%3D", "%00", "%0A", "+", "%20", "&sig=", "&sig", "é", "\x7f")
    )
    return text + added


def preceded(text: str, dice: random.Random) -> str:
    return dice.choice(("+", "%20", "=", "%00", "x&sig=", "&sig=", f"{text}&%73ig=")) + text


def doubled(text: str, _dice: random.Random) -> str:
    return f"{text}&sig={text}"


def guessed(text: str, dice: random.Random) -> str:
    found = "".join(dice.choices(ALPHABET, k=len(text)))
    return found if found != text else changed(text, dice)


SPOILS: Final = (
    changed, inserted, dropped, cut, turned, recased, escaped, respelt, extended, preceded, doubled,
    guessed,
)  # fmt: skip


def spoilt_signature(dice: random.Random) -> tuple[Genuine, str]:
    good = signed(dice)
    return good, f"{good.target}&sig={dice.choice(SPOILS)(good.signature, dice)}"


# ---- a good signature under something else ----


def moved_signature(dice: random.Random) -> tuple[Genuine, str]:
    good = signed(dice)
    return good, f"{signed(dice).target}&sig={good.signature}"


def changed_wish(dice: random.Random) -> tuple[Genuine, str]:
    good = signed(dice)
    path, _, query = good.target.partition("?")
    other = dice.choice((
        f"{path}?{query}&ring={dice.randrange(2**24):06x}",
        f"{path}?{query}&v={dice.randrange(2**24):06x}",
        f"{path}?{query}&refresh=true",
        f"{path}?{query}&force=y",
        f"{path}?{query}&{query.partition('&')[0]}",
        f"{path}?{query.replace('size=', 's=')}",
        f"{path}?{query.replace('size=', 'size=0')}",
        f"{path.removesuffix('.png')}x?{query}",
        f"{path.replace('/avatar/', '/avatar/%20')}?{query}",
        f"{path.replace('@', '%2540')}?{query}",
        f"{path.replace('/avatar/', '/avatar/1')}?{query}",
        path + "?",
    ))  # fmt: skip
    return good, f"{other}&sig={good.signature}"


def put_off_end(dice: random.Random) -> tuple[Genuine, str]:
    good = with_end(dice)
    rest, _, end = good.target.rpartition("&exp=")
    other = dice.choice((
        f"{rest}&exp={int(end) + dice.randrange(1, 10**6)}", f"{rest}&exp=0{end}", rest,
        f"{rest}&exp={end}&exp={end}", f"{rest}&exp={end}0", f"{rest}&exp=", f"{rest}&exp=never",
    ))  # fmt: skip
    return good, f"{other}&sig={good.signature}"


def passed_end(dice: random.Random) -> tuple[Genuine, str]:
    """Signed for certain, but for a time that is over, or for no time at all."""
    good = signed(dice)
    return good, sign(good.target, dice.choice(KEYS), expires=T0 - dice.randrange(10**7))


def strange_key(dice: random.Random) -> tuple[Genuine, str]:
    good = signed(dice)
    key = dice.choice(KEYS)
    other = dice.choice((changed(key, dice), key[:-1], key + "0", key.upper(), f" {key}", key * 2))
    return good, sign(good.target, other)


def no_signature(dice: random.Random) -> tuple[Genuine, str]:
    good = signed(dice)
    return good, good.target


# ---- tokens ----


def spoilt_token(dice: random.Random) -> tuple[Genuine, str]:
    good = opaque(dice)
    token = good.target.removeprefix("/avatar/~").partition(".")[0]
    spoils = (changed, inserted, dropped, cut, turned, recased, escaped, guessed)
    return good, good.target.replace(token, dice.choice(spoils)(token, dice))


def mixed_tokens(dice: random.Random) -> tuple[Genuine, str]:
    """The head of one and the tail of another, or a whole one by a strange key."""
    good, other = opaque(dice), opaque(dice)
    place = dice.randrange(20, 70)
    if dice.random() < 0.5:
        return good, good.target[:place] + other.target[place:]
    contact = ContactId.parse(str(dice.randrange(10**10, 10**11)))
    strange = Tokens([changed(KEYS[0], dice)]).seal(contact)
    return good, f"/avatar/{strange}.png?size={dice.randrange(16, 1025)}"


def badly_signed_token(dice: random.Random) -> tuple[Genuine, str]:
    good = opaque(dice)
    signature = sign(good.target, KEYS[0]).rpartition("sig=")[2]
    return good, f"{good.target}&refresh=true&sig={signature}"


FORGERS: Final[tuple[Callable[[random.Random], tuple[Genuine, str]], ...]] = (
    spoilt_signature, spoilt_signature, spoilt_signature, moved_signature, changed_wish,
    put_off_end, passed_end, strange_key, no_signature, spoilt_token, spoilt_token, mixed_tokens,
    badly_signed_token,
)  # fmt: skip


def forgeries(number: int, *, seed: int) -> Iterator[tuple[str, Genuine, str]]:
    """Yield `number` different ones, each with its kind and what it was made from.

    The same `seed` gives the same ones.
    """
    dice = random.Random(seed)  # noqa: S311 - tests must be repeatable
    seen: set[str] = set()
    for forger in itertools.cycle(FORGERS):
        good, forged = forger(dice)
        if forged not in seen:
            seen.add(forged)
            yield forger.__name__, good, forged
        if len(seen) == number:
            return
