"""Names under which browsers save files: none leaves its folder, is a device, deceives the eye or breaks the header."""

import re
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from main_service.web.downloads.file_names import LONGEST_NAME_BYTES, attachment, safe_file_name


@pytest.mark.parametrize(
    ("given_name", "safe"),
    [
        ("app.py", "app.py"),
        ("My notes.md", "My notes.md"),
        (".bashrc", ".bashrc"),
        ("Übersicht.csv", "Übersicht.csv"),
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Windows\\win.ini", "win.ini"),
        ("..", ""),
        ("a/..", ""),
        ("", ""),
        ('a"b<c>|?*:.py', "a_b_c_____.py"),
        ("CON", "_CON"),
        ("con.txt", "_con.txt"),
        ("lpt1.tar.gz", "_lpt1.tar.gz"),
        ("COM¹.txt", "_COM¹.txt"),
        ("console.log", "console.log"),
        ("photo\u202egnp.exe.txt", "photognp.exe.txt"),
        ("a\r\nSet-Cookie: x=y.txt", "aSet-Cookie_ x=y.txt"),
        ("zero\u200bwidth.py", "zerowidth.py"),
        ("dots...", "dots"),
        ("space .py ", "space .py"),
    ],
)
def test_safe_names(given_name: str, safe: str) -> None:
    assert safe_file_name(given_name) == safe


@settings(deadline=None, derandomize=True, database=None)
@given(st.text(max_size=400))
def test_any_name_becomes_safe_and_stays_so(name: str) -> None:
    safe = safe_file_name(name)

    assert safe_file_name(safe) == safe
    assert len(safe.encode()) <= LONGEST_NAME_BYTES + 1
    assert not set(safe) & set('/\\<>:"|?*\r\n\0\u202e')
    assert safe not in (".", "..")


def test_long_name_keeps_its_extension() -> None:
    safe = safe_file_name("ä" * 300 + ".py")

    assert safe.endswith("ä.py")
    assert len(safe.encode()) <= LONGEST_NAME_BYTES


@settings(deadline=None, derandomize=True, database=None)
@given(st.text(min_size=1, max_size=100).map(safe_file_name).filter(bool))
def test_header_is_ascii_and_gives_the_name_back(name: str) -> None:
    header = attachment(name)["Content-Disposition"]

    assert header.isascii()
    assert header.isprintable()
    assert header.startswith('attachment; filename="')
    plain, _, encoded = header.partition("; filename*=UTF-8''")
    assert re.fullmatch(r'attachment; filename="[^"\\%]*"', plain)
    assert (unquote(encoded) or plain[22:-1]) == name


def test_header_of_a_plain_name_is_plain() -> None:
    assert attachment("app.py") == {"Content-Disposition": 'attachment; filename="app.py"'}
    assert attachment("Ü 1%.py") == {
        "Content-Disposition": "attachment; filename=\"U 1_.py\"; filename*=UTF-8''%C3%9C%201%25.py"
    }
