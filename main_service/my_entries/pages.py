"""The pages of a user's entries: find them, delete many at once, take all along."""

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from main_service.entries.aliases import is_key
from main_service.entries.dependencies import EntryEnderDep
from main_service.errors import AppError, FieldError, InvalidInputError
from main_service.profile.dependencies import EntryExporterDep
from main_service.profile.file_response import file_response
from main_service.profile.page_query import ADDRESS, PageQuery
from main_service.profile.presentation import ExportFormat
from main_service.profile.profile_page import ProfilePageDep
from main_service.web.csrf import FIELD, check_form
from main_service.web.form_body import read_form_lists

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.api_route(ADDRESS, methods=["GET", "HEAD"])
async def profile(page: ProfilePageDep) -> Response:
    return await page.show(PageQuery.of(page.request.query_params))


@router.api_route(f"{ADDRESS}/delete", methods=["GET", "HEAD"])
async def lead_back() -> Response:
    """For whoever opens the address of a result again."""
    return RedirectResponse(ADDRESS, 303)


@router.post(f"{ADDRESS}/delete")
async def delete(page: ProfilePageDep, ender: EntryEnderDep) -> Response:
    """Asks first. `view`: the query of the page that the entries were chosen on, and that is shown again."""
    fields = await read_form_lists(page.request)
    query = PageQuery.read(fields.get("view", [""])[0])
    keys = [key for key in fields.get("keys", []) if is_key(key)]
    try:
        check_form(page.request, fields.get(FIELD, [""])[0], page.settings)
        if not keys:
            raise InvalidInputError(fields=[FieldError("keys", "missing", "Select the entries to delete first.")])
    except AppError as error:
        return await page.show(query, error=error)
    if "confirm" in fields:
        count = len(await ender.delete_many(keys, page.account_id))
        return await page.show(query, notice=_deleted(count))
    entries = await page.list_live(keys)
    return await page.ask_whether_to_delete(entries, query) if entries else await page.show(query, notice=_deleted(0))


@router.get(f"{ADDRESS}/export.jsonl")
async def export_json_lines(page: ProfilePageDep, exporter: EntryExporterDep) -> Response:
    return await file_response(exporter, page.account_id, ExportFormat.JSON_LINES, public_url=page.settings.public_url)


@router.get(f"{ADDRESS}/export.csv")
async def export_csv(page: ProfilePageDep, exporter: EntryExporterDep) -> Response:
    return await file_response(exporter, page.account_id, ExportFormat.CSV, public_url=page.settings.public_url)


def _deleted(count: int) -> str:
    if count == 0:
        return "Nothing was deleted: what you had selected has ended already."
    return "1 entry is deleted." if count == 1 else f"{count} entries are deleted."
