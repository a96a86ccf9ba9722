"""Jobs that superusers order, as JSON: the response comes at once, the worker runs the job."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from main_service.accounts.bearer_auth import SUPERUSER_REFUSALS, SuperuserDep
from main_service.admin_jobs.dependencies import AdminJobFactoryDep
from main_service.admin_jobs.factory import AdminJobFactory
from main_service.admin_jobs.models import JobKind
from main_service.admin_jobs.schemas import AskedOut, TaskOut
from main_service.errors import NotFoundError
from main_service.web.json_api import JsonRouter

router = JsonRouter(prefix="/api/v1/admin", tags=["administration"], errors=SUPERUSER_REFUSALS)


@router.post("/archive-unused", status_code=202, summary="End unused entries")
async def archive_unused(
    days: Annotated[int, Query(ge=1, le=36_500, description="Neither read nor changed for more days than this.")],
    _: SuperuserDep,
    factory: AdminJobFactoryDep,
    response: Response,
) -> AskedOut:
    """Applies to the entries of all users and guests, even those that never expire. Last uses are known to within two
    days; in doubt, an entry stays."""
    return await _order(JobKind.ARCHIVE_UNUSED, factory, response, days=days)


@router.post("/cleanup", status_code=202, summary="Run the daily clean-up now")
async def clean_up(_: SuperuserDep, factory: AdminJobFactoryDep, response: Response) -> AskedOut:
    return await _order(JobKind.CLEAN_UP, factory, response)


@router.get("/tasks/{task_id}", summary="Get a job", errors=[NotFoundError])
async def get_task(task_id: UUID, _: SuperuserDep, factory: AdminJobFactoryDep) -> TaskOut:
    """Kept for 30 days after it was finished."""
    return TaskOut.of(await factory.jobs.get(task_id))


async def _order(kind: JobKind, factory: AdminJobFactory, response: Response, *, days: int | None = None) -> AskedOut:
    job = await factory.jobs.order(kind, days=days)
    response.headers["Location"] = f"{factory.public_url}{router.prefix}/tasks/{job.id}"
    return AskedOut(id=job.id, state=job.state)
