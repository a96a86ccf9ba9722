"""Differences show what each file loses and gains, also where a line looks like a header."""

import re

from main_service.rendering.diff import MAX_LINES, render

GIT = """commit 1234
Author: A <a@example.org>

    Say <hello>

diff --git a/src/a.py b/src/a.py
index 1..2 100644
--- a/src/a.py
+++ b/src/a.py
@@ -10,3 +10,4 @@ def f():
 same
-old <b>
--- looks like a header
+new
+++ so does this
+more
\\ No newline at end of file
diff --git a/gone.txt b/gone.txt
deleted file mode 100644
--- a/gone.txt
+++ /dev/null
@@ -1 +0,0 @@
-x
diff --git a/old name b/new name
similarity index 100%
rename from old name
rename to new name
diff --git "a/\\303\\244.txt" "b/\\303\\244.txt"
"""


def lines(html: str) -> list[tuple[str, str, str, str]]:
    """Class, number before, number after and text of each line."""
    found = re.findall(
        r'<span class="(\w)"><span class="n"(?: data-before="(\d+)")?(?: data-after="(\d+)")?></span>(.*)\n</span>',
        html,
    )
    return [(kind, before, after, text) for kind, before, after, text in found]


def test_lines_have_their_kind_and_their_numbers_on_both_sides() -> None:
    shown = lines(render(GIT, {}).html)

    start = next(at for at, line in enumerate(shown) if line[0] == "u")
    assert shown[start : start + 8] == [
        ("u", "", "", "@@ -10,3 +10,4 @@ def f():"),
        ("c", "10", "10", " same"),
        ("d", "11", "", "-old &lt;b&gt;"),
        ("d", "12", "", "--- looks like a header"),
        ("i", "", "11", "+new"),
        ("i", "", "12", "+++ so does this"),
        ("i", "", "13", "+more"),
        ("h", "", "", "\\ No newline at end of file"),
    ]


def test_no_line_is_lost() -> None:
    html = render(GIT, {}).html

    assert [text for *_, text in lines(html)] == GIT.replace("<", "&lt;").replace(">", "&gt;").splitlines()


def test_a_summary_names_the_files_with_their_counts() -> None:
    html = render(GIT, {}).html

    assert "4 files changed" in html
    assert re.findall(r'<a href="#(diff-\d)">([^<]*)</a>.*?\+(\d+).*?−(\d+)', html) == [
        ("diff-1", "src/a.py", "3", "2"),
        ("diff-2", "gone.txt", "0", "1"),
        ("diff-3", "new name", "0", "0"),
        ("diff-4", "ä.txt", "0", "0"),
    ]
    assert set(re.findall(r'id="(diff-\d)"', html)) == {f"diff-{number}" for number in range(1, 5)}


def test_plain_differences_have_files_too() -> None:
    html = render(
        "--- a.txt\t2026-01-01\n+++ b.txt\t2026-01-02\n@@ -1 +1 @@\n-a\n+b\n--- c\n+++ c\n@@ -1 +1 @@\n-a\n+b\n", {}
    ).html

    assert re.findall(r"<bdi>([^<]*)</bdi>", html) == ["b.txt", "c"]


def test_differences_of_a_merge_are_told_by_all_their_signs() -> None:
    html = render("diff --cc a\n--- a/a\n+++ b/a\n@@@ -1,2 -1,2 +1,2 @@@\n  both\n+ mine\n -theirs\n", {}).html

    assert [kind for kind, *_ in lines(html)] == ["h", "h", "h", "u", "c", "i", "d"]


def test_what_is_no_difference_is_shown_as_it_is() -> None:
    html = render("just\ntext", {}).html

    assert [text for *_, text in lines(html)] == ["just", "text"]
    assert "changed" not in html


def test_many_lines_are_cut_and_the_facts_say_so() -> None:
    fragment = render("--- a\n+++ b\n@@ -0,0 +1,99999 @@\n" + "+x\n" * 99_999, {})

    assert len(lines(fragment.html)) == MAX_LINES
    assert fragment.facts == {"is_cut": True}
    assert "In what is shown: 1 file changed" in fragment.html
