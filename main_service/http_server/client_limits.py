"""The limits of one connection: how long a client may take and how much it may send, in seconds, bytes and requests."""

HEAD_SECONDS = 10
"""How long the head of a request may take from its first byte to its last, and a new connection to its first byte."""

BODY_SECONDS = 10
BODY_BYTES_PER_SECOND = 16 * 1024
LONGEST_BODY_SECONDS = 300
"""A body may take `BODY_SECONDS` and one second more for each `BODY_BYTES_PER_SECOND`, up to `LONGEST_BODY_SECONDS`,
and never pause for `BODY_SECONDS`. A slow line may upload, but a trickle ends, and so does silence after a fast start.
"""

DRAIN_SECONDS = 20
"""How long the rest of a body is read after its answer, because many clients don't read before they have sent all."""

LINGER_SECONDS = 2
"""How long a client must be silent to be taken to have read the answer that closes its connection."""

LAST_WORD_SECONDS = 1
"""How long an idle connection is kept when the process shuts down: its next request may be on its way."""

SHUTDOWN_SECONDS = 10
"""How long clients may go on sending and reading when the process ends."""

QUERY_FIELDS = 1_000
"""The most fields of a query. 32 KB hold 16,000 empty ones, and to read those once takes as long as twenty pages."""

WAITING_REQUESTS = 64
"""How many requests a client may send without waiting for answers. Nothing is read while any of them waits."""
