"""URLs that links may lead to, as functions. Random ones are in test_parsers.py."""

import pytest

from main_service.entries.urls import (
    MAX_URL_LENGTH,
    check_url,
    complete_url,
    decoded_host,
    is_self_link,
    to_ascii,
)

PUBLIC_URL = "https://slip.example"


@pytest.mark.parametrize(
    ("pasted", "kept"),
    [
        ("wikipedia.org/x", "https://wikipedia.org/x"),
        ("  wikipedia.org\n", "https://wikipedia.org"),
        ("//wikipedia.org", "https://wikipedia.org"),
        ("b\u00fccher.example", "https://b\u00fccher.example"),
        ("http://wikipedia.org", "http://wikipedia.org"),
        ("\u200bhttps://wikipedia.org\ufeff", "https://wikipedia.org"),
    ],
)
def test_name_of_a_host_gets_https_and_what_has_a_scheme_is_kept(pasted: str, kept: str) -> None:
    assert complete_url(pasted) == kept
    assert check_url(kept) == kept


@pytest.mark.parametrize(
    "pasted",
    ["localhost:3000", "1.2.3.4/x", "example.org:8080", "mailto:x@y.example", "word", "", "javascript:alert(1)"],
)
def test_anything_else_stays_what_it_is_and_is_refused(pasted: str) -> None:
    assert complete_url(pasted) == pasted
    with pytest.raises(ValueError, match="http"):
        check_url(pasted)


@pytest.mark.parametrize(
    "url", ["https://a.example/ b", "https://a.example/\t", "https://a.example/\u202e", "https://a.example/\0"]
)
def test_white_space_and_control_characters_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="%20"):
        check_url(url)


def test_length_counts_as_sent() -> None:
    start = "https://a.example/"
    longest = start + "x" * (MAX_URL_LENGTH - len(start))

    assert check_url(longest) == longest
    for url in (longest + "x", start + "\u00e4" * (MAX_URL_LENGTH // 6)):
        with pytest.raises(ValueError, match=str(MAX_URL_LENGTH)):
            check_url(url)


@pytest.mark.parametrize(
    ("url", "sent", "host"),
    [
        ("https://b\u00fccher.example/\u00fc", "https://xn--bcher-kva.example/%C3%BC", "b\u00fccher.example"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example", "b\u00fccher.example"),
        ("https://a.example/%C3%BC?q=1#f", "https://a.example/%C3%BC?q=1#f", None),
    ],
)
def test_url_is_sent_in_ascii_and_its_host_can_be_decoded(url: str, sent: str, host: str | None) -> None:
    assert to_ascii(url) == sent
    assert decoded_host(url) == host


@pytest.mark.parametrize(
    "url",
    [
        "https://slip.example",
        "http://slip.example/x",
        "https://SLIP.example.:443/",
        "https://user@slip.example",
        "http://slip.example:80",
    ],
)
def test_self_link_is_told_however_it_is_written(url: str) -> None:
    assert is_self_link(url, PUBLIC_URL)


@pytest.mark.parametrize("url", ["https://slip.example:8443", "https://x.slip.example", "https://slip.example.org"])
def test_other_port_or_host_is_no_self_link(url: str) -> None:
    assert not is_self_link(url, PUBLIC_URL)


@pytest.mark.parametrize("host", ["localhost", "any.localhost", "127.1", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]"])
def test_all_names_of_this_machine_are_one_host(host: str) -> None:
    assert is_self_link(f"http://{host}:8000/x", "http://127.0.0.1:8000")
    assert not is_self_link(f"http://{host}:8001/x", "http://127.0.0.1:8000")
