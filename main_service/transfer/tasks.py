"""Background tasks of imports: run within ten seconds, their files and lines deleted hourly."""

from datetime import timedelta

from main_service.background import Queue, task
from main_service.engines.batches import in_batches
from main_service.engines.postgres import Session
from main_service.resources import Resources
from main_service.transfer import storage
from main_service.transfer.runner_factory import create_runner
from main_service.transfer.service import KEPT_FOR

FILES_PER_BATCH = 100


@task(every=timedelta(seconds=10), queue=Queue.SLOW, one_at_a_time=True)
async def run_imports(resources: Resources) -> int:
    """Run the imports that wait; return how many are over. One whose worker was killed goes on where it was."""
    return await create_runner(resources).run_waiting()


@task(every=timedelta(hours=1), queue=Queue.SLOW, log="Deleted the files of %d imports")
async def purge_imports(resources: Resources) -> int:
    """Delete the files of imports that are over or whose account is gone, and what is old; return how many files."""

    async def delete_files(session: Session, *, limit: int) -> int:
        job_ids = await storage.list_files_to_delete(session, limit=limit)
        # The rows stay locked meanwhile, and name the files until these are deleted.
        await resources.files.delete(job_ids)
        await storage.mark_files_deleted(session, job_ids)
        return len(job_ids)

    async def delete_old(session: Session, *, limit: int) -> int:
        return await storage.delete_old(session, kept_for=KEPT_FOR, limit=limit)

    total = await in_batches(resources.sessions, delete_files, limit=FILES_PER_BATCH)
    await in_batches(resources.sessions, delete_old, limit=FILES_PER_BATCH)
    return total
