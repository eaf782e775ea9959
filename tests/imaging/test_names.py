"""Initials: the letters that a person would choose."""

# ruff: noqa: RUF001 - letters of many scripts, some of which look alike, are the point

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import features

from gateway.imaging.lettering import draw_initials
from gateway.imaging.names import initials
from gateway.imaging.titles import (
    ATTACHED,
    SUFFIXES,
    SUFFIXES_WITH_A_DOT,
    TITLES,
    TITLES_WITH_A_DOT,
)
from gateway.model import Canvas

from .letters import SHIPPED, UNSHAPED, Every, Only
from .pictures import decoded

LATIN = [
    ("Ana María López", "A L"),
    ("jean-luc picard", "J P"),
    ("Jean-Luc", "J L"),
    ("anna", "A"),
    ("M. C. Escher", "M E"),
    ("Élodie Été", "É É"),
    ("E\u0301lodie", "É"),
    ("Nguyễn Văn Ấn", "N Ấ"),
    ("Ẹ̀kọ́ Adé", "Ẹ̀ A"),
    ("Łukasz Żak", "Ł Ż"),
    ("Þór Ægisson", "Þ Æ"),
    ("İbrahim Şahin", "İ Ş"),
    ("ǆon", "D"),
    ("ßen", "S"),
    ("Amartya Sen", "A S"),
    ("Jack Ma", "J M"),
    ("Don Draper", "D D"),
    ("Sri Mulyani", "S M"),
]

AFFIXES = [
    ("Dr. Müller", "M"),
    ("Prof. Dr. Hans von der Tann", "H T"),
    ("Vincent van Gogh", "V G"),
    ("João da Silva Neto", "J N"),
    ("María de los Ángeles Ruiz", "M R"),
    ("Mohammed bin Salman", "M S"),
    ("Khalid Al-Farsi", "K F"),
    ("Muqtada as-Sadr", "M S"),
    ("Al-Rahman", "R"),
    ("An-Mei Lin", "A L"),
    ("Lin An-mei", "L A"),
    ("Jeanne d'Arc", "J A"),
    ("Beverly D’Angelo", "B D"),
    ("O'Brien", "O"),
    ("Mr. T", "T"),
    ("Dr", "D"),
    ("Dr.Müller", "M"),
    ("Dr.", "D"),
    ("د.محمد علي", "م ع"),
    ("M.C. Escher", "M E"),
    ("Mr. & Mrs. Smith", "S"),
    ("A. P. J. Abdul Kalam", "A K"),
    ("Mr. and Mrs. John Smith", "J S"),
    ("Sr. y Sra. García", "G"),
    ("Herr und Frau Müller", "M"),
    ("Y. García", "Y G"),
    ("Dr. med. Anna Schmidt", "A S"),
    ("Prof. Dr. rer. nat. h.c. Karl Vogt", "K V"),
    ("Dr.-Ing. Hans Meier", "H M"),
    ("MUDr. Jan Novák", "J N"),
    ("Henry VIII", "H"),
    ("Malcolm X", "M X"),
    ("Fr. Brown", "B"),
    ("Ing. Karel Čapek", "K Č"),
    ("Pak Budi Santoso", "B S"),
    ("Ayşe Hanım", "A"),
    ("Mohandas Gandhi ji", "M G"),
    ("John Smith Jr.", "J S"),
    ("John Smith, PhD", "J S"),
    ("López, Ana", "A L"),
    ("Bäckerei Huber GmbH", "B H"),
    ("ACME GmbH & Co. KG", "A"),
    ("г-н Иван Петров", "И П"),
    ("Δρ. Μαρία Παππά", "Μ Π"),
    ("د. محمد علي", "م ع"),
    ("الدكتورة فاطمة الزهراء", "ف ز"),
    ("ד״ר שרה כהן", "ש כ"),
    ("श्रीमती प्रिया शर्मा", "प्रि श"),
    ("ಡಾ. ರಾಜ್\u200cಕುಮಾರ್", "ರಾ"),
    ("ഡോ. മോഹൻ ലാൽ", "മോ ലാ"),
    ("\u0a36\u0a4d\u0a30\u0a40 ਗੁਰੂ ਨਾਨਕ", "ਗੁ ਨਾ"),
    ("นายสมชาย ใจดี", "ส จ"),
    ("คุณสมชาย ใจดี", "ส จ"),
    ("คุณากร ใจดี", "ค จ"),
]

SCRIPTS = [
    ("Анна Каренина", "А К"),
    ("Йосиф Ёлкин", "Й Ё"),
    ("Ωμέγα Ψι", "Ω Ψ"),
    ("Άννα Έλληνα", "Ά Έ"),
    ("محمد علي", "م ع"),
    ("أحمد", "أ"),
    ("مُحَمَّد", "م"),
    ("عمر العتيبي", "ع ع"),
    ("علي الى", "ع ا"),
    ("אברהם לינקולן", "א ל"),
    ("שָׂרָה", "ש"),
    ("नरेंद्र मोदी", "न मो"),
    ("क्षितिज", "क्षि"),
    ("স্নেহা ঠাকুর", "স্নে ঠা"),
    ("ਗੁਰੂ ਨਾਨਕ", "ਗੁ ਨਾ"),
    ("શ્વેતા પટેલ", "શ્વે પ"),
    ("கமல் ஹாசன்", "க ஹா"),
    ("ஸ்ரீதேவி", "ஸ்ரீ"),
    ("லக்ஷ்மி", "ல"),
    ("ஸ்டாலின்", "ஸ்"),
    ("శ్రీనివాస్ రావు", "శ్రీ రా"),
    ("ಕೃಷ್ಣ", "ಕೃ"),
    ("മോഹൻ ലാൽ", "മോ ലാ"),
    ("ක්‍රිස් සිල්වා", "ක්‍රි සි"),
    ("สมชาย ใจดี", "ส จ"),
    ("เอก ณรงค์", "อ ณ"),
    ("ໄຊ ສົມພອນ", "ຊ ສ"),
    ("ខ្ញុំ សុខ", "ខ្ញុំ សុ"),
    ("မောင် စု", "မော စု"),
    ("Արամ Խաչատրյան", "Ա Խ"),
    ("አበበ ቢቂላ", "አ ቢ"),
    ("李小龙", "李"),
    ("王 小明", "王"),
    ("김철수", "김"),
    ("\u1100\u1175\u11b7\u110e\u1165\u11af", "김"),
    ("山田 太郎", "山"),
    ("さくら", "さ"),
    ("マイケル・ジャクソン", "マ"),
    ("李 Ana", "李"),
    ("Ana 李", "A"),
    ("محمد Smith", "م"),
]

ODDITIES = [
    ("Anna (Work)", "A"),
    ("(Anna)", "A"),
    ("Anna [old] Berg", "A B"),
    ("Family & Friends", "F F"),
    ("🎉 Party People 🎉", "P P"),
    ("🇩🇪 Anna 👩🏽‍💻", "A"),
    ("❤️Ana❤️ ❤️López❤️", "A L"),
    ("~ anna ~", "A"),
    ("@anna_berg", "A B"),
    ("anna.berg", "A B"),
    ("ana.lopez+news@example.com", "A L"),
    ("2Pac Shakur", "P S"),
    ("𝓐𝓷𝓷𝓪 𝓑𝓮𝓻𝓰", "A B"),
    ("Ａｎｎａ", "A"),
    ("Ⓐnna", "A"),
    ("  spaced   out  ", "S O"),
    ("\u202eanna\u202c", "A"),
    ("\u200banna", "A"),
    ("\u1100\u1175\U0001f642", "기"),
    ("\u1112\u119e\u11ab\u1112\u119e", "\u1112\u119e\u11ab"),
    ("क" + "्क" * 9, "क"),
    ("Z" + "\u0336\u0321\u0337" * 9 + "alg", "Z"),
]

NOTHING = [
    ("", "   ", "...", "\u0301", "\u0000", "\ud800", "\u200d", "\ufe0f"),
    ("12345", "+49 170 1234567", "(555) 123-4567", "15551234567@c.us", "٠١٢٣٤٥", "०१२", "①②", "1️⃣"),
    ("🙂", "🎉🎉", "👨‍👩‍👧‍👦", "🇩🇪", "👍🏽", "❤️", "¯\\_(ツ)_/¯"[:4]),
]


@pytest.mark.parametrize(("name", "letters"), [*LATIN, *AFFIXES, *SCRIPTS, *ODDITIES])
def test_letters_of_a_name(name: str, letters: str) -> None:
    assert initials(name, Every()) == tuple(letters.split())


@pytest.mark.parametrize("name", [name for names in NOTHING for name in names])
def test_what_is_no_name_has_no_letters(name: str) -> None:
    assert initials(name, Every()) == ()


def test_titles_are_written_as_they_are_compared() -> None:
    words = TITLES | TITLES_WITH_A_DOT | SUFFIXES | SUFFIXES_WITH_A_DOT | set(ATTACHED)
    assert {each for each in words if unicodedata.normalize("NFKC", each).lower() != each} == set()


@pytest.mark.parametrize("name", ["შოთა რუსთაველი", "ᲨᲝᲗᲐ ᲠᲣᲡᲗᲐᲕᲔᲚᲘ"])
def test_capitals_that_no_font_has_give_way_to_small_letters(name: str) -> None:
    assert initials(name, SHIPPED) == ("შ", "რ")


@pytest.mark.parametrize(
    ("name", "letters"), [("王 Wang", "W"), ("Ana 李", "A"), ("Ana Ω Berg", "A B")]
)
def test_words_that_begin_with_a_letter_we_lack_do_not_count(name: str, letters: str) -> None:
    assert initials(name, Only("W", "A", "B")) == tuple(letters.split())


@pytest.mark.parametrize("name", ["李小龙", "김철수", "山田 太郎", "ᚠᚢᚦ", "ꦲꦏ꧀ꦱꦫ"])
def test_what_no_font_can_draw_has_no_initials(name: str) -> None:
    assert initials(name, SHIPPED) == ()


@pytest.mark.parametrize(
    ("name", "letters"), [*LATIN, *AFFIXES, *(pair for pair in SCRIPTS if pair[1] < "\u3000")]
)
def test_the_fonts_that_ship_have_every_letter(name: str, letters: str) -> None:
    if not features.check("raqm"):
        pytest.skip("FriBiDi is not on this machine")
    assert initials(name, SHIPPED) in {tuple(letters.split()), (letters.split(maxsplit=1)[0],)}


@pytest.mark.parametrize(
    ("name", "letters"),
    [("नरेंद्र मोदी", "न म"), ("क्षितिज", "क"), ("Ẹ̀kọ́ Adé", "Ẹ A"), ("ខ្ញុំ", "ខ"), ("Ấn", "Ấ")],
)
def test_marks_are_left_out_where_they_cannot_be_joined(name: str, letters: str) -> None:
    assert initials(name, UNSHAPED) == tuple(letters.split())


@given(st.text(max_size=64))
def test_any_name_gives_at_most_two_clusters_that_can_be_drawn(name: str) -> None:
    letters = initials(name, SHIPPED)
    assert len(letters) <= 2
    assert decoded(draw_initials(letters, 0, Canvas(16), fonts=SHIPPED)).size == (16, 16)


@given(st.text(st.characters(categories=["Nd", "Nl", "No", "P", "S", "Z"]), max_size=64))
def test_no_digit_is_ever_shown(name: str) -> None:
    letters = initials(name + " Ana", Every())
    assert not any(unicodedata.category(each)[0] == "N" for text in letters for each in text)
