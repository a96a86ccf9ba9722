"""The cache of pages: bounded in bytes, by entry and encoding."""

from main_service.compression.encodings import Encoding
from main_service.engines.page_cache import LARGEST_BYTES, OVERHEAD_BYTES, Page, PageCache


def page(size_bytes: int, *, tag: str = "a", encoding: Encoding = "gzip") -> Page:
    return Page(tag, encoding, b"x" * size_bytes, for_search_engines=False)


def test_pages_shown_longest_ago_make_room() -> None:
    cache = PageCache(limit_bytes=4 * (1000 + OVERHEAD_BYTES))
    for key in "abcd":
        cache.put(key, page(1000))
    assert cache.get("a", "gzip") is not None

    cache.put("e", page(1000))

    assert [key in cache.keys for key in "abcde"] == [True, False, True, True, True]
    assert cache.size_bytes == 4 * (1000 + OVERHEAD_BYTES)


def test_no_load_makes_it_larger_than_its_limit() -> None:
    cache = PageCache(limit_bytes=100_000)
    for number in range(2000):
        encodings: tuple[Encoding, ...] = ("zstd", "gzip", "identity")
        cache.put(f"key{number % 70}", page(number * 37 % 9000, tag=str(number % 5), encoding=encodings[number % 3]))
        assert cache.size_bytes <= 100_000
    held = [
        kept
        for number in range(70)
        for encoding in ("zstd", "gzip", "identity")
        if (kept := cache.get(f"key{number}", encoding)) is not None
    ]
    assert cache.size_bytes == sum(each.size_bytes for each in held)
    assert held


def test_page_that_is_too_large_is_not_kept_and_an_older_one_goes() -> None:
    cache = PageCache()
    cache.put("a", page(LARGEST_BYTES))
    assert cache.get("a", "gzip") is not None

    cache.put("a", page(LARGEST_BYTES + 1, tag="b"))

    assert "a" not in cache.keys
    assert cache.size_bytes == 0


def test_pages_of_an_older_entry_go_with_the_first_of_the_newer() -> None:
    cache = PageCache()
    cache.put("a", page(10, encoding="gzip"))
    cache.put("a", page(10, encoding="zstd"))

    cache.put("a", page(20, tag="b", encoding="zstd"))

    assert cache.get("a", "gzip") is None
    assert cache.size_bytes == page(20).size_bytes
    cache.drop("never")
    cache.drop("a")
    assert "a" not in cache.keys
    assert cache.size_bytes == 0
