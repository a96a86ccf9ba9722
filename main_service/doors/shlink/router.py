"""All routes of the door."""

from fastapi import APIRouter

from main_service.doors.shlink import domains_and_rules, short_urls, visits_and_tags

router = APIRouter()
for each in (short_urls, visits_and_tags, domains_and_rules):
    router.routes.extend(each.router.routes)
router.routes.extend(visits_and_tags.unversioned.routes)
