"""Jobs that superusers ask for, as JSON: the answer comes at once, the worker does it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from main_service.accounts.bearer_auth import SUPERUSER_REFUSALS, SuperuserDep
from main_service.admin_jobs.models import AdminJob, JobKind
from main_service.admin_jobs.schemas import AskedOut, TaskOut
from main_service.admin_jobs.service import AdminJobs
from main_service.dependencies import SessionDep, SettingsDep
from main_service.errors import NotFoundError
from main_service.settings import Settings
from main_service.web.documented_router import problem_responses
from main_service.web.json_api import JsonRoute

router = APIRouter(prefix="/api/v1/admin", tags=["administration"], route_class=JsonRoute)


async def get_jobs(session: SessionDep) -> AdminJobs:
    return AdminJobs(session=session)


AdminJobsDep = Annotated[AdminJobs, Depends(get_jobs)]


@router.post(
    "/archive-unused",
    status_code=202,
    summary="End unused entries",
    responses=problem_responses(*SUPERUSER_REFUSALS),
)
async def archive_unused(
    days: Annotated[int, Query(ge=1, le=36_500, description="Neither read nor changed for more days than this.")],
    _: SuperuserDep,
    jobs: AdminJobsDep,
    settings: SettingsDep,
    response: Response,
) -> AskedOut:
    """Anybody's, even without an end of its own. Last uses are known to within two days; where in doubt, one stays."""
    return _accepted(await jobs.order(JobKind.ARCHIVE_UNUSED, days=days), settings, response)


@router.post(
    "/cleanup", status_code=202, summary="Run the daily clean-up now", responses=problem_responses(*SUPERUSER_REFUSALS)
)
async def clean_up(_: SuperuserDep, jobs: AdminJobsDep, settings: SettingsDep, response: Response) -> AskedOut:
    return _accepted(await jobs.order(JobKind.CLEAN_UP), settings, response)


@router.get(
    "/tasks/{task_id}",
    summary="Get a job",
    responses=problem_responses(*SUPERUSER_REFUSALS, NotFoundError),
)
async def get_task(task_id: UUID, _: SuperuserDep, jobs: AdminJobsDep) -> TaskOut:
    """Kept for 30 days after it was finished."""
    return TaskOut.of(await jobs.get(task_id))


def _accepted(job: AdminJob, settings: Settings, response: Response) -> AskedOut:
    response.headers["Location"] = f"{settings.public_url}{router.prefix}/tasks/{job.id}"
    return AskedOut(id=job.id, state=job.state)
