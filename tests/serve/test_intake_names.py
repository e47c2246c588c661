from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as some

from papscope.serve.intake.names import LONGEST, NAMELESS, shown


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ("cell.png", "cell.png"),
        ("Präparat 7/Zelle ä.png", "Präparat 7/Zelle ä.png"),
        ("玻片/细胞.png", "玻片/细胞.png"),
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("C:\\scans\\cell.png", "scans/cell.png"),
        ("\\\\server\\share\\cell.png", "server/share/cell.png"),
        ("a/./b//c.png", "a/b/c.png"),
        ("a\r\nSet-Cookie: b.png", "aSet-Cookie: b.png"),
        ("cell\x1b[2J.png", "cell[2J.png"),
        ("cell\u202egnp.exe", "cellgnp.exe"),
        ("cell\u200b\u2066.png", "cell.png"),
        ("cell\u2028\u2029.png", "cell .png"),
        ("cell\ud800.png", "cell.png"),
        ("...", NAMELESS),
        ("", NAMELESS),
        ("\x00", NAMELESS),
        ("..\\..", NAMELESS),
    ],
)
def test_a_name_is_shown_without_tricks(sent: str, seen: str) -> None:
    assert shown(sent) == seen


def test_a_long_name_keeps_its_end() -> None:
    name = shown("a" * 300 + "/cell-0001.png")
    assert len(name) == LONGEST
    assert name.startswith("…")
    assert name.endswith("/cell-0001.png")


@given(some.text(alphabet=some.characters(codec=None, categories=None), max_size=400))
def test_whatever_is_sent_one_short_visible_line_is_shown_and_shown_again_it_is_the_same(
    sent: str,
) -> None:
    name = shown(sent)

    assert 1 <= len(name) <= LONGEST
    assert not [sign for sign in name if unicodedata.category(sign)[0] == "C"]
    assert not {"..", ".", ""} & set(name.split("/"))
    assert "\\" not in name
    assert shown(name) == name
    name.encode()  # a lone surrogate could be neither stored nor sent
