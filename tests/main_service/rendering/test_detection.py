"""How the language of a text is found: a table of samples, and what each step of the chain takes for sure."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from main_service.rendering.content_types import LANGUAGES, is_log, language_of
from main_service.rendering.declared_languages import declared_language
from main_service.rendering.detection import NOTHING_FOUND, SAMPLE_BYTES, declared, detect, sample
from main_service.rendering.file_names import extension_of_language, language_of_file_name

SAMPLES = Path(__file__).parent / "samples"
"""A file for each language, named by its alias; its texts stand between lines of `%%%%`. All are written for this."""
PLAIN = {"log", "prose"}
"""What is no language."""
MIN_RIGHT = 0.9


def samples() -> list[tuple[str, str]]:
    """Alias and text; the alias is empty for what is no language."""
    return [
        ("" if file.stem in PLAIN else file.stem, text)
        for file in sorted(SAMPLES.rglob("*.txt"))
        for text in file.read_text().split("%%%%\n")
    ]


@pytest.fixture(scope="module")
def guess() -> Callable[[bytes], str]:
    try:
        import magika
    except ImportError:
        assert "CI" not in os.environ, "magika is not installed"
        pytest.skip("magika is not installed (requirements-detect.lock)")
    model = magika.Magika()
    return lambda text: str(model.identify_bytes(text).prediction.output.label)


def test_nine_of_ten_samples_are_right_by_their_text_alone(guess: Callable[[bytes], str]) -> None:
    found = [(wanted, detect(None, text.encode(), guess), text) for wanted, text in samples()]
    wrong = [f"{language}, not {wanted}: {text[:60]!r}" for wanted, language, text in found if language != wanted]

    assert len(found) >= 60
    assert len({wanted for wanted, _, _ in found}) >= 20
    assert len(wrong) <= (1 - MIN_RIGHT) * len(found), "\n".join(wrong)


def test_plain_texts_and_logs_are_never_taken_for_code(guess: Callable[[bytes], str]) -> None:
    assert {detect(None, text.encode(), guess) for language, text in samples() if not language} == {NOTHING_FOUND}


def test_each_sample_with_its_file_name_is_right_without_magika() -> None:
    wrong = [
        (language, found)
        for language, text in samples()
        if language and (found := detect(f"some.{extension_of_language(language)}", text.encode(), None)) != language
    ]

    assert wrong == []


@pytest.mark.parametrize(
    ("title", "language"),
    [
        ("app.py", "python"),
        ("src/app.py", "python"),
        ("C:\\work\\APP.PY", "python"),
        ("Dockerfile", "docker"),
        ("Dockerfile.dev", "docker"),
        ("makefile", "make"),
        (".bashrc", "bash"),
        (".env", "bash"),
        ("schema.sql", "sql"),
        ("defs.h", "c"),
        ("model.R", "r"),
        ("report.csv", "csv"),
        ("notes.txt", "text"),
        ("build.log", "text"),
        ("archive.tar.gz", None),
        ("matrix.m", None),
        ("How I learned node.js", None),
        ("v1.2", None),
        ("example.com", None),
        ("...", None),
        ("py", None),
        ("", None),
    ],
)
def test_file_names(title: str, language: str | None) -> None:
    assert language_of_file_name(title) == language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("#!/bin/sh\n", "bash"),
        ("#!/usr/bin/env python3\n", "python"),
        ("#!/usr/bin/env -S FOO=1 python3.11 -u\r\n", "python"),
        ("#! /usr/bin/perl -w\n", "perl"),
        ("\ufeff#!/usr/bin/node\n", "javascript"),
        ("#!/usr/bin/ruby2.7\n", "ruby"),
        ("#!/opt/own\n", None),
        ("#!\n", None),
        ("text\n# vim: set ft=python :\n", "python"),
        ("x\n" * 50 + "/* vim:ts=8:ft=sh:sw=4 */", "bash"),
        ("x\n" * 50 + "# vim: ft=python\n" + "x\n" * 50, None),
        ("# -*- coding: utf-8; mode: ruby -*-\n", "ruby"),
        ("#!/opt/own\n;; -*- Emacs-Lisp -*-\n", "emacs-lisp"),
        ("// -*- C++ -*-\n", "cpp"),
        ("# vim: ft=nothing-known\n", None),
        ("?ft=python\n", None),
    ],
)
def test_what_a_text_declares(text: str, language: str | None) -> None:
    assert declared_language(text) == language
    assert declared(None, text.encode()) == language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ('{"a": [1, 2]}', "json"),
        ("[1.5, 2]", "json"),
        ("[INFO] 12 files", ""),
        ('{"a": cut off', ""),
        ("[" * 50_000, ""),
        ("--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n", "diff"),
        ("-- a table --\n", ""),
        ("<!DOCTYPE html>\n<p>x", "html"),
        ('<div class="a"><b>x</b></div>', "html"),
        ("<p", ""),
        ("\x1b[1;32mok\x1b[0m 12 passed\n", "ansi"),
        ("", ""),
        (" \n", ""),
    ],
)
def test_what_is_sure_without_magika(text: str, language: str) -> None:
    assert detect(None, text.encode(), None) == language


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01 10:00:00,123 INFO start, 3 workers\n2026-03-01 10:00:01,456 INFO ready, 2 ms\n",
        "a, b\nhello\nthere, you, are\n",
        "one\ntwo\n",
        "a,b\n",
        'a,"b\n',
        "",
    ],
)
def test_what_is_no_table_is_no_csv_whatever_magika_says(text: str) -> None:
    assert language_of("csv", text) is None


def test_table_of_times_is_no_log() -> None:
    table = "time,value\n" + "".join(f"2026-03-01 10:00:{second:02},1.5\n" for second in range(60))

    assert not is_log(table)
    assert language_of("csv", table) == "csv"
    assert language_of("csv", table + "2026-03-01 10:01:00,2\n" * 2_000) == "csv"


def test_what_magika_calls_no_text_is_plain() -> None:
    assert [language_of(label, "x\n") for label in ("txt", "unknown", "elf", "never-heard-of")] == [None] * 4


def test_every_language_that_can_be_found_is_one_that_authors_can_choose() -> None:
    from main_service.entries.syntaxes import is_syntax
    from main_service.rendering import declared_languages, file_names

    names, extensions = file_names._patterns()
    found = {*LANGUAGES.values(), *declared_languages._INTERPRETERS.values(), *declared_languages._MODES.values()}
    found |= {*names.values(), *extensions.values(), *(each for each in file_names._EXTENSIONS.values() if each)}

    assert [each for each in found if not is_syntax(each)] == []
    assert [each for each in file_names._EXTENSION_OF if not is_syntax(each)] == []


def test_sample_is_bounded_and_in_whole_characters() -> None:
    text = ("ä€😀" * 40_000).encode()

    assert len(sample(text)) <= SAMPLE_BYTES
    assert sample(text).decode().strip("ä€😀") == ""
    assert sample(b"x" * SAMPLE_BYTES) == b"x" * SAMPLE_BYTES


@pytest.mark.parametrize(
    ("language", "extension"),
    [
        ("python", "py"),
        ("markdown", "md"),
        ("bash", "sh"),
        ("rust", "rs"),
        ("sh", "sh"),
        ("text", "txt"),
        ("nonsense", "txt"),
        (None, "txt"),
    ],
)
def test_extensions_of_languages(language: str | None, extension: str) -> None:
    assert extension_of_language(language) == extension
