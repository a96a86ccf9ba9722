"""Makes sure that Redis learns of every change, even one that was made while it was away or just before it crashed.

And of every key whose create could not add it to the membership filter.
"""

from datetime import timedelta

from main_service.database import Session
from main_service.entries import storage
from main_service.entries.copies import Copies
from main_service.known_keys import KnownKeys

STALE_KEYS_PER_BATCH = 1_000
SAFE_AFTER = timedelta(seconds=5)
"""By then a tombstone is on Redis' disk, which it syncs every second; until then it is written again."""


async def heal_copies(session: Session, copies: Copies, known_keys: KnownKeys) -> int:
    """Write the tombstones of all changes that Redis may not have; return how many. Commits batch by batch.

    Raises:
        RedisAwayError: Redis is away; what is left is done by a later run.
    """
    healed = 0
    last_id = 0
    while stale_keys := await storage.list_stale_keys(session, after_id=last_id, limit=STALE_KEYS_PER_BATCH):
        last_id = stale_keys[-1].id
        keys = [stale.key for stale in stale_keys]
        await copies.bury(keys)
        await known_keys.add(keys)
        await storage.settle_stale_keys(session, stale_keys, grace=SAFE_AFTER)
        await session.commit()
        healed += len(stale_keys)
    return healed
