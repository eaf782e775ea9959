"""Titles: words that stand before or after a name and are none, in many languages.

All are written as they are compared: in lower case and without dots. A word that is somebody's
name as often as it is a title ("Don", "Anh", "Sen") is not here, or only with its dot.
"""

from __future__ import annotations

from typing import Final

_BEFORE: Final = """
dr doctor prof professor mr mister mrs ms miss mx sir dame lord lady rev reverend hon capt captain
lt sgt hrh herr frau fräulein dr-ing dr-habil dipl-ing dhr mevr mevrouw meneer drs fru frk
dra profa sr sra srta señor señora señorita doña dn dña senhor senhora dona seu
mme mlle monsieur madame mademoiselle maître signor signora sigra dott dottssa
domnul doamna pani paní mudr judr phdr rndr mvdr özv ifj sayın doç
pak bapak ibu bu haji hajah encik puan cik datuk datin ustaz ustadz
shri smt shrimati janab sheikh shaikh shaykh hajj imam
г-н г-жа д-р др проф доктор господин госпожа пан пані
κα κος κύριος κυρία δρ
دكتور الدكتور دكتورة الدكتورة الأستاذ أستاذ السيد السيدة الشيخ الحاج المهندس مهندس
آقای خانم دکتر جناب
ד״ר ד"ר ד'ר מר גב׳ גב' גברת הרב פרופ׳ פרופ'
श्री श्रीमती डॉ डा डॉक्टर कुमारी प्रो पं पंडित ডা ডঃ ডাঃ জনাব திரு திருமதி டாக்டர் శ్రీ శ్రీమతి డా డాక్టర్ શ્રી શ્રીમતી ડો
ಡಾ ಶ್ರೀ ಶ್ರೀಮತಿ ഡോ ശ്രീ ശ്രീമതി ਡਾ ਸ਼੍ਰੀ
นาย นาง นางสาว คุณ ดร เด็กชาย เด็กหญิง
"""  # noqa: RUF001 - letters of other scripts are the point

_AFTER: Final = """
jr sr ii iii iv vii viii xii xiii xiv xv xvi phd md mba msc bsc esq dds cpa obe mbe cbe filho junior
bey hanım bhai ji sahib saheb san sama जी gmbh kg ohg ltd llc inc plc
"""  # noqa: RUF001 - Turkish is the point

_BEFORE_DOTTED: Final = """
fr hr id ing gen col mag sig eng lic arq avv bc mgr κ د أ م
med hc rer nat phil jur pol oec habil
"""

_AFTER_DOTTED: Final = "jun sen co corp"

_BETWEEN: Final = "and und et en y e og och i и και"

TITLES: Final = frozenset(_BEFORE.split())
"""Before a name."""

TITLES_WITH_A_DOT: Final = frozenset(_BEFORE_DOTTED.split())
"""Before a name, and only with the dot that shortens them."""

BETWEEN_TITLES: Final = frozenset(_BETWEEN.split())
"""What joins two titles, as in "Mr. and Mrs."; "&" is no word."""

SUFFIXES: Final = frozenset(_AFTER.split())
"""After a name."""

SUFFIXES_WITH_A_DOT: Final = frozenset(_AFTER_DOTTED.split())
"""After a name, and only with the dot that shortens them."""

ATTACHED: Final = ("นางสาว", "เด็กหญิง", "เด็กชาย", "นาย", "นาง", "คุณ", "ดร.")
"""Thai writes titles and names without a space between."""
