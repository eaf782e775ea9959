"""Options of an avatar's URL: strict under our names, forgiving under Gravatar's."""

from __future__ import annotations

import math
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.errors import InvalidOption
from gateway.model import ALIASES, DPRS, NAMES, AvatarSpec, Colour, Fallback, Format, Shape
from gateway.web import Defaults, Query
from gateway.web.query import MAX_LENGTH

MARK = "zq7marked"
"""Text that must not come back in what is told about a wrong value."""


def spec_of(query: str, *, defaults: Defaults | None = None) -> AvatarSpec:
    return Query.parse(query).spec(Format.PNG, defaults or Defaults())


def refused(query: str) -> AvatarSpec:
    return Query.parse(query).refused(Format.WEBP)


def test_nothing_asked_for_is_the_default() -> None:
    assert spec_of("") == AvatarSpec(size=128, dpr=1.0, shape=Shape.SQUARE)
    assert spec_of("").canvas.pixels == 128
    assert spec_of("").fallback is Fallback.SILHOUETTE
    assert spec_of("").bg is None
    assert spec_of("").ring is None
    assert not spec_of("").forced


def test_the_format_comes_from_elsewhere() -> None:
    assert Query.parse("format=jpg").spec(Format.WEBP, Defaults()).format is Format.WEBP


ACCEPTED = [
    ("size=16", AvatarSpec(size=16)),
    ("size=1024", AvatarSpec(size=1024)),
    ("size=0064", AvatarSpec(size=64)),
    ("dpr=1", AvatarSpec(dpr=1.0)),
    ("dpr=1.5", AvatarSpec(dpr=1.5)),
    ("dpr=2", AvatarSpec(dpr=2.0)),
    ("dpr=3", AvatarSpec(dpr=3.0)),
    ("size=512&dpr=2", AvatarSpec(size=512, dpr=2.0)),
    ("size=341&dpr=3", AvatarSpec(size=341, dpr=3.0)),
    ("size=682&dpr=1.5", AvatarSpec(size=682, dpr=1.5)),
    ("shape=square", AvatarSpec(shape=Shape.SQUARE)),
    ("shape=circle", AvatarSpec(shape=Shape.CIRCLE)),
    ("shape=rounded", AvatarSpec(shape=Shape.ROUNDED)),
    ("bg=ff8000", AvatarSpec(bg=Colour(255, 128, 0))),
    ("bg=FF8000", AvatarSpec(bg=Colour(255, 128, 0))),
    ("ring=000000", AvatarSpec(ring=Colour(0, 0, 0))),
    ("fallback=silhouette", AvatarSpec(fallback=Fallback.SILHOUETTE)),
    ("fallback=mp", AvatarSpec(fallback=Fallback.SILHOUETTE)),
    ("fallback=mm", AvatarSpec(fallback=Fallback.SILHOUETTE)),
    ("fallback=initials", AvatarSpec(fallback=Fallback.INITIALS)),
    ("fallback=identicon", AvatarSpec(fallback=Fallback.IDENTICON)),
    ("fallback=blank", AvatarSpec(fallback=Fallback.BLANK)),
    ("fallback=404", AvatarSpec(fallback=Fallback.NOT_FOUND)),
    ("name=Ada", AvatarSpec(name="Ada")),
    ("name=", AvatarSpec(name="")),
    ("name=" + "x" * 64, AvatarSpec(name="x" * 64)),
    ("name=" + "%C3%A9" * 64, AvatarSpec(name="é" * 64)),
    ("force=y", AvatarSpec(forced=True)),
    ("v=0123456789ab", AvatarSpec(version="0123456789ab")),
]


@pytest.mark.parametrize(("query", "expected"), ACCEPTED)
def test_every_value_in_range_is_taken(query: str, expected: AvatarSpec) -> None:
    assert spec_of(query) == expected


REFUSED = {
    "size": [
        "", "15", "0", "1025", "10000", "99999999999999999999", "-64", "+64", "%2B64", "64.0",
        "64px", "6_4", "0x40", "1e2", "%D9%A6%D9%A4", "%EF%BC%96%EF%BC%94", "64%00", "64%0A", MARK,
    ],
    "dpr": ["", "0", "4", "1.0", "2.5", "01", "-1", "nan", "inf", "2x", "%E2%82%82", MARK],
    "shape": ["", "Square", "CIRCLE", "star", "circle%20", MARK],
    "bg": ["", "fff", "%23ffffff", "ffffff00", "gggggg", "white", "fffff%EF%BD%86", MARK],
    "ring": ["", "fff", "%23ffffff", "ffffff00", "gggggg", "ffffff%0A", MARK],
    "fallback": ["", "Silhouette", "retro", "403", "https%3A%2F%2Fexample.com%2Fa.png", MARK],
    "name": ["x" * 65, MARK * 10, "%C3%A9" * 65],
    "force": ["", "n", "Y", "yes", "true", "1", MARK],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in REFUSED.items() for value in values]
)
def test_a_value_out_of_range_is_refused_by_name_without_an_echo(name: str, value: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        spec_of(f"{name}={value}")
    assert str(caught.value).startswith(f"{name} takes ")
    assert MARK not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_name_that_is_no_text_is_refused() -> None:
    """As a command line may bring it; a URL cannot."""
    with pytest.raises(InvalidOption, match="name takes text in UTF-8"):
        Query({"name": "\udcff"}).spec(Format.PNG, Defaults())


@pytest.mark.parametrize("query", ["size=513&dpr=2", "size=342&dpr=3", "size=683&dpr=1.5"])
def test_size_times_dpr_is_at_most_1024(query: str) -> None:
    with pytest.raises(InvalidOption, match="size times dpr is at most 1024"):
        spec_of(query)


@given(st.integers(16, 1024), st.sampled_from(DPRS))
def test_pixels_are_size_times_dpr_rounded_half_up_or_refused(size: int, dpr: float) -> None:
    query = f"size={size}&dpr={dpr:g}"
    if size * dpr > 1024:
        with pytest.raises(InvalidOption):
            spec_of(query)
    else:
        assert spec_of(query).canvas.pixels == math.floor(size * dpr + 0.5)


@pytest.mark.parametrize("name", [*NAMES, "s", "d", "default", "f", "forcedefault"])
def test_a_name_given_twice_is_refused_even_if_both_are_alike(name: str) -> None:
    query = f"{name}={MARK}&size=64&{name}={MARK}" if name != "size" else "size=64&size=64"
    with pytest.raises(InvalidOption) as caught:
        spec_of(query)
    assert str(caught.value) == f"{name} is given twice"


def test_a_name_given_twice_in_two_spellings_is_refused() -> None:
    with pytest.raises(InvalidOption, match="size is given twice"):
        spec_of("size=64&s%69ze=64")


UNKNOWN = [
    "utm_source=mail", "r=x", "rating=pg", "Size=9", "SIZE=9", "size%20=9", "amp;size=9", "=9",
    "&&", "=", "format=jpg", "%=9", "%ff=9", "width=9", "size[]=9", "r=g&r=x&r=pg",
]  # fmt: skip


@pytest.mark.parametrize("unknown", UNKNOWN)
@pytest.mark.parametrize("query", ["{}&size=64", "size=64&{}", "{0}&size=64&{0}"])
def test_unknown_parameters_are_as_none(query: str, unknown: str) -> None:
    assert spec_of(query.format(unknown)) == AvatarSpec(size=64)


GRAVATAR = [
    ("s=64", AvatarSpec(size=64)),
    ("s=15", AvatarSpec(size=16)),
    ("s=0", AvatarSpec(size=16)),
    ("s=-64", AvatarSpec(size=16)),
    ("s=-" + "9" * 400, AvatarSpec(size=16)),
    ("s=1025", AvatarSpec(size=1024)),
    ("s=2048", AvatarSpec(size=1024)),
    ("s=9999999999", AvatarSpec(size=1024)),
    ("s=" + "9" * 400, AvatarSpec(size=1024)),
    ("s=80.9", AvatarSpec(size=80)),
    ("s=2000&dpr=2", AvatarSpec(size=512, dpr=2.0)),
    ("s=2000&dpr=3", AvatarSpec(size=341, dpr=3.0)),
    ("s=", AvatarSpec(size=128)),
    ("s=large", AvatarSpec(size=128)),
    ("s=64px", AvatarSpec(size=128)),
    ("s=nan", AvatarSpec(size=128)),
    ("s=%D9%A6%D9%A4", AvatarSpec(size=128)),
    ("d=initials", AvatarSpec(fallback=Fallback.INITIALS)),
    ("default=identicon", AvatarSpec(fallback=Fallback.IDENTICON)),
    ("d=mp", AvatarSpec(fallback=Fallback.SILHOUETTE)),
    ("d=mm", AvatarSpec(fallback=Fallback.SILHOUETTE)),
    ("d=blank", AvatarSpec(fallback=Fallback.BLANK)),
    ("d=404", AvatarSpec(fallback=Fallback.NOT_FOUND)),
    ("d=", AvatarSpec(fallback=Fallback.SILHOUETTE)),
    ("d=retro", AvatarSpec(fallback=Fallback.SILHOUETTE)),
    ("default=wavatar", AvatarSpec(fallback=Fallback.SILHOUETTE)),
    ("d=https%3A%2F%2Fexample.com%2Fa.png%3Fx%3D1", AvatarSpec(fallback=Fallback.SILHOUETTE)),
    ("d=https://example.com/a.png", AvatarSpec(fallback=Fallback.SILHOUETTE)),
    ("f=y", AvatarSpec(forced=True)),
    ("forcedefault=y", AvatarSpec(forced=True)),
    ("f=n", AvatarSpec()),
    ("forcedefault=1", AvatarSpec()),
    ("r=x", AvatarSpec()),
    ("s=200&d=identicon&r=pg&f=y",
     AvatarSpec(size=200, fallback=Fallback.IDENTICON, forced=True)),
]  # fmt: skip


@pytest.mark.parametrize(("query", "expected"), GRAVATAR)
def test_under_an_alias_gravatars_manners_hold(query: str, expected: AvatarSpec) -> None:
    assert spec_of(query) == expected


def test_an_unknown_fallback_under_an_alias_is_the_silhouette_whatever_the_default() -> None:
    defaults = Defaults(fallback=Fallback.IDENTICON)
    assert spec_of("d=retro", defaults=defaults).fallback is Fallback.SILHOUETTE
    assert spec_of("", defaults=defaults).fallback is Fallback.IDENTICON


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("size=64&s=200", AvatarSpec(size=64)),
        ("s=200&size=64", AvatarSpec(size=64)),
        ("fallback=blank&d=identicon&default=initials", AvatarSpec(fallback=Fallback.BLANK)),
        ("default=initials&d=identicon&fallback=blank", AvatarSpec(fallback=Fallback.BLANK)),
        ("f=n&forcedefault=n&force=y", AvatarSpec(forced=True)),
    ],
)
def test_canonical_names_win_over_aliases(query: str, expected: AvatarSpec) -> None:
    assert spec_of(query) == expected


@pytest.mark.parametrize("query", ["size=9&s=64", "fallback=retro&d=blank", "force=n&f=y"])
def test_a_good_alias_does_not_save_a_wrong_canonical_value(query: str) -> None:
    with pytest.raises(InvalidOption):
        spec_of(query)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("name=Ada+Lovelace", "Ada Lovelace"),
        ("name=Ada%20Lovelace", "Ada Lovelace"),
        ("name=C%2B%2B", "C++"),
        ("name=a=b", "a=b"),
        ("name=%26%3D%23", "&=#"),
        ("name=Zo%C3%AB", "Zoë"),
        ("name=Zoë", "Zoë"),
        ("name=%E5%BC%A0%E4%BC%9F", "张伟"),
        ("name=50%", "50%"),
        ("name=%zz", "%zz"),
        ("name=%ff", "�"),
        ("name=%2541", "%41"),
        ("n%61me=Ada", "Ada"),
    ],
)
def test_names_and_values_are_decoded_once_and_plus_is_a_space(query: str, name: str) -> None:
    assert spec_of(query).name == name


@given(st.text(max_size=64).filter(lambda text: text.isprintable()))
def test_any_name_arrives_as_it_was_written(name: str) -> None:
    assert spec_of(f"name={quote(name)}").name == name
    assert spec_of(f"name={quote_plus(name)}").name == name


def test_the_operators_defaults_hold_where_nothing_is_asked_for() -> None:
    defaults = Defaults(size=48, shape=Shape.CIRCLE, fallback=Fallback.BLANK)
    assert spec_of("", defaults=defaults) == AvatarSpec(
        size=48, shape=Shape.CIRCLE, fallback=Fallback.BLANK
    )
    assert spec_of("size=64&shape=square&fallback=mp", defaults=defaults) == AvatarSpec(size=64)
    assert spec_of("s=huge&d=", defaults=defaults).size == 48


def test_a_large_default_gives_way_to_the_screen() -> None:
    assert spec_of("dpr=3", defaults=Defaults(size=1024)).canvas.pixels == 1023


@pytest.mark.parametrize("query", ["refresh=true", "refresh=anything", "exp=1", "sig=x", "exp=no"])
def test_options_that_are_not_yet_in_force_change_nothing(query: str) -> None:
    assert spec_of(query) == AvatarSpec()


REFUSALS = [
    ("", 128),
    ("size=64", 64),
    ("s=64", 64),
    ("size=15", 16),
    ("size=-9", 16),
    ("size=0", 16),
    ("size=1025", 1024),
    ("size=99999999999999999999", 1024),
    ("size=" + "9" * 400, 1024),
    ("size=-" + "9" * 400, 16),
    ("size=64.9", 64),
    ("size=abc", 128),
    ("size=", 128),
    ("size=nan", 128),
    ("size=inf", 128),
    ("size=1e3", 128),
    ("size=%D9%A6%D9%A4", 128),
    ("size=abc&s=64", 128),
    ("size=64&s=200", 64),
    ("size=600&dpr=2", 600),
    ("size=64&size=200", 64),
    ("shape=star&bg=red", 128),
]


@pytest.mark.parametrize(("query", "size"), REFUSALS)
def test_a_refusal_shows_a_silhouette_of_the_size_asked_for(query: str, size: int) -> None:
    assert refused(query) == AvatarSpec(size=size, format=Format.WEBP)


@pytest.mark.parametrize(
    ("query", "empty"),
    [
        ("fallback=404&size=9", True),
        ("d=404&size=9", True),
        ("default=404&size=9", True),
        ("fallback=404&fallback=404", True),
        ("fallback=blank&d=404&size=9", False),
        ("fallback=identicon&size=9", False),
        ("fallback=405", False),
    ],
)
def test_a_refusal_is_empty_where_no_fallback_is_wanted(query: str, *, empty: bool) -> None:
    expected = Fallback.NOT_FOUND if empty else Fallback.SILHOUETTE
    assert refused(query).fallback is expected


_known = st.sampled_from([*NAMES, *(alias for names in ALIASES.values() for alias in names), "r"])
_values = st.one_of(
    st.text(max_size=12),
    st.text("0123456789.-+eE%_ ", max_size=12),
    st.integers().map(str),
    st.sampled_from(["circle", "404", "y", "ffffff", "1.5", "3", "%", "%00", "true"]),
)
_queries = st.one_of(
    st.text(),
    st.lists(st.tuples(_known, _values), max_size=6).map(
        lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)
    ),
)


@given(_queries)
@example("s=-" + "9" * 400)
@example("size=" + "9" * 400)
@example("s=0." + "0" * 400 + "1")
def test_any_query_gives_a_checked_spec_or_a_refusal_that_can_be_drawn(query: str) -> None:
    parsed = Query.parse(query)
    fallen = parsed.refused(Format.PNG)
    assert 16 <= fallen.canvas.pixels <= 1024
    assert fallen.fallback in {Fallback.SILHOUETTE, Fallback.NOT_FOUND}
    try:
        spec = parsed.spec(Format.PNG, Defaults())
    except InvalidOption:
        return
    assert 16 <= spec.size <= 1024
    assert 16 <= spec.canvas.pixels <= 1024
    assert len(spec.name) <= 64


def test_what_is_not_drawn_does_not_change_the_canvas() -> None:
    plain = spec_of("size=64&shape=circle").canvas
    for more in (
        "name=Ada", "fallback=initials", "d=404", "force=y", "v=abc", "refresh=true", "r=x",
        "exp=1&sig=x", "utm_source=mail&utm_medium=x", "s=200", "dpr=1",
    ):  # fmt: skip
        assert spec_of(f"{more}&shape=circle&size=64").canvas == plain


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("size=64&dpr=2", "size=128"),
        ("size=64&dpr=2", ""),
        ("s=64", "size=64"),
        ("s=5000", "size=1024"),
        ("bg=FFFFFF", "bg=ffffff"),
        ("shape=square", ""),
        ("ring=ff0000&size=20", "size=20&ring=FF0000"),
    ],
)
def test_wishes_for_the_same_pixels_share_a_canvas(one: str, other: str) -> None:
    assert spec_of(one).canvas == spec_of(other).canvas


@pytest.mark.parametrize("query", ["", "size=48&dpr=2&shape=circle", "s=64&d=mp"])
def test_equal_wishes_are_one(query: str) -> None:
    assert spec_of(query) is spec_of(f"sig=1&{query}")
    assert Query.parse(query).spec(Format.WEBP, Defaults()).format is Format.WEBP


def test_the_same_wish_is_another_one_under_other_defaults() -> None:
    assert [spec_of("", defaults=Defaults(size=size)).size for size in (17, 64, 17)] == [17, 64, 17]


def test_a_wish_that_is_wrong_stays_wrong() -> None:
    for _ in range(2):
        with pytest.raises(InvalidOption):
            spec_of("size=5")


def test_long_wishes_are_not_remembered() -> None:
    query = "s=64&d=" + "a" * MAX_LENGTH
    assert spec_of(query) == spec_of("s=64&d=a")
    assert spec_of(query) is not spec_of(query)
