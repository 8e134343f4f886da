"""What does not print is shown as an escape."""

import sys
import unicodedata

from parity.plain import visible


def test_what_prints_stays_and_all_else_is_an_escape() -> None:
    assert visible("a plain text, with ∞, é, 損失 and \\ in it") == "a plain text, with ∞, é, 損失 and \\ in it"
    assert visible("\x1b[2J\x9b\x07\r") == r"\x1b[2J\x9b\x07\r"
    assert visible("\u202e\u2066\u200b\u00ad\ufeff\u2028") == r"\u202e\u2066\u200b\xad\ufeff\u2028"
    assert visible("\ud800\U000e0041") == r"\ud800\U000e0041"
    assert visible("a\n\tb\r", keep="\n\t") == "a\n\tb\\r"
    assert visible("a\nb") == r"a\nb"


def test_no_character_of_unicode_that_controls_comes_through() -> None:
    for one in map(chr, range(sys.maxunicode + 1)):
        if unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
            assert visible(one).isascii()
            assert visible(one).isprintable()
