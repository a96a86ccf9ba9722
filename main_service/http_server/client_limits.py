"""How long and how much a client may: the limits of one connection, in seconds, bytes and requests."""

HEAD_SECONDS = 10
"""From its first byte to its last; and for a new connection to send a first byte at all."""

BODY_SECONDS = 10
BODY_BYTES_PER_SECOND = 16 * 1024
LONGEST_BODY_SECONDS = 300
"""A body has `BODY_SECONDS`, and one more for each so many bytes, up to the longest; and it may never pause for
`BODY_SECONDS`: a slow line may upload, a trickle ends, and nobody buys an hour of silence with a fast start."""

DRAIN_SECONDS = 20
"""So long the rest of a body is taken after its answer, because many clients read only when they have sent all."""

LINGER_SECONDS = 2
"""Silence after which a client is taken to have read the answer that closes its connection."""

LAST_WORD_SECONDS = 1
"""How long an idle connection is kept when the process ends: its next request may be on its way already."""

SHUTDOWN_SECONDS = 10
"""How long clients may go on sending and reading when the process ends."""

WAITING_REQUESTS = 64
"""That a client has sent without waiting for the answer to the one before them. We read on when none is left."""
