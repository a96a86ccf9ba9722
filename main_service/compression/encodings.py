"""Content codings: which of ours a client accepts, and compressing with them. Output is deterministic."""

import gzip
import re
import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, Protocol

import zstandard

Encoding = Literal["identity", "gzip", "zstd"]
IDENTITY: Encoding = "identity"
ENCODINGS: tuple[Encoding, ...] = ("zstd", "gzip")
"""In our order of preference."""
MIN_BYTES = 1024
"""Smaller answers are not compressed."""
INLINE_BYTES = 16 * 1024
"""Up to this size, compressing is faster than handing the work to a thread."""

_ZSTD_LEVEL = 6
_GZIP_LEVEL = 6
_THOROUGH_ZSTD_LEVEL = 19
_THOROUGH_GZIP_LEVEL = 9
_ZSTD_OF_STREAMS = zstandard.ZstdCompressionParameters.from_level(3, window_log=17, hash_log=15, chain_log=15)
"""With the default level, a stream to a slow reader would occupy 3 MB."""
COMPRESSOR_BYTES = max(_ZSTD_OF_STREAMS.estimated_compression_context_size(), 300 * 1024)
_WEIGHT = re.compile(r"0(?:\.\d*)?|1(?:\.0*)?", re.ASCII)
_OFTEN_SEEN = 1024
_OFTEN_SEEN_LENGTH = 100
"""How many values of the header are remembered as parsed, and up to what length."""
MAX_CHOICES = 64
MAX_PARAMETERS = 8
"""How many choices of a header are read, and parameters of each. Browsers send a dozen; a header of 32 KB may hold
16,000, which take as long as twenty pages."""


def best_encoding(accepted: bytes) -> Encoding:
    """The coding for a client that sends this `Accept-Encoding` (RFC 9110, 12.5.3); empty: it sends none."""
    return _remembered(accepted) if len(accepted) <= _OFTEN_SEEN_LENGTH else _best(accepted)


def _best(accepted: bytes) -> Encoding:
    found = weighted_choices(accepted.decode("latin-1"))
    weights = {("gzip" if coding == "x-gzip" else coding): weight for coding, weight in found}
    # A wildcard stands for gzip, which every client can decode.
    ours = {coding: weights.get(coding, weights.get("*", 0.0) if coding == "gzip" else 0.0) for coding in ENCODINGS}
    best = max(ENCODINGS, key=lambda coding: ours[coding])
    return best if ours[best] > 0 and ours[best] >= weights.get(IDENTITY, 0.0) else IDENTITY


_remembered = lru_cache(_OFTEN_SEEN)(_best)


def weighted_choices(header: str) -> Iterator[tuple[str, float]]:
    """What a header such as `Accept` names, in lower case, with its weight; what is behind `MAX_CHOICES` is ignored."""
    for item in header.lower().split(",", MAX_CHOICES)[:MAX_CHOICES]:
        choice, *parameters = (part.strip() for part in item.split(";", MAX_PARAMETERS))
        yield choice, _weight(parameters)


def _weight(parameters: list[str]) -> float:
    """The weight of a media range or content coding, from 0 to 1. One that can't be parsed counts as absent: 1."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return float(value) if _WEIGHT.fullmatch(value.strip()) else 1.0
    return 1.0


def encoding_headers(encoding: str) -> dict[str, str]:
    """The header that names the coding."""
    return {} if encoding == IDENTITY else {"content-encoding": encoding}


def compress(content: bytes, encoding: str) -> bytes:
    """The content in one of `ENCODINGS`."""
    if encoding == "zstd":
        return zstandard.compress(content, _ZSTD_LEVEL)
    return gzip.compress(content, _GZIP_LEVEL, mtime=0)


def compress_thoroughly(content: bytes, encoding: str) -> bytes:
    """Compress better and slower: 1 MB takes a second. For what is sent often; call it in a thread."""
    if encoding == "zstd":
        return zstandard.compress(content, _THOROUGH_ZSTD_LEVEL)
    return gzip.compress(content, _THOROUGH_GZIP_LEVEL, mtime=0)


class Compressor(Protocol):
    """Compresses a stream."""

    def compress(self, data: bytes, /) -> bytes:
        """Take data; return what can be sent now, which may be nothing."""

    def flush(self) -> bytes:
        """Return what is left to send, and end the stream."""


def compressor(encoding: str) -> Compressor:
    """Compresses a stream into one of `ENCODINGS`. It takes at most `COMPRESSOR_BYTES`."""
    if encoding == "zstd":
        return zstandard.ZstdCompressor(compression_params=_ZSTD_OF_STREAMS).compressobj()
    # This value selects the gzip format.
    return zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, zlib.MAX_WBITS | 16)
