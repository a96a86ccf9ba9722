"""All routes of the door."""

from fastapi import APIRouter

from main_service.doors.bitly import bitlinks, groups

router = APIRouter()
router.routes.extend([*bitlinks.router.routes, *groups.router.routes])
