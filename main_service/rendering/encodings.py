"""Compresses what is sent, by the names of `Content-Encoding`."""

import gzip

import zstandard

from main_service.rendering.job import Encoding

GZIP_LEVEL = 6
ZSTD_LEVEL = 9
"""A page of 10 KB source takes 1 to 3 ms, one of 500 KB 20 to 40."""


def encoded(content: bytes, encoding: Encoding) -> bytes:
    if encoding == "gzip":
        return gzip.compress(content, GZIP_LEVEL, mtime=0)
    if encoding == "zstd":
        return zstandard.compress(content, ZSTD_LEVEL)
    return content
