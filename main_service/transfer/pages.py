"""The page on which users import files, see how far that is, and stop it."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from main_service.accounts.cookie_auth import SignedInPageDep
from main_service.errors import AppError, UnavailableError
from main_service.transfer.dependencies import ImportFactoryDep
from main_service.transfer.formats import ImportFormat
from main_service.transfer.serializers import import_out, line_out, lines_response
from main_service.transfer.service import SHOWN_FAULTS
from main_service.transfer.upload_form import read_upload
from main_service.web.forms import Form, FormDep, FormPage, form_action, redirect_after_form, redirect_to_page

ADDRESS = "/settings/import"
STOPPED = "stopped"
"""In the query of the page of an import: its user has stopped it."""

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


class ImportPage(FormPage):
    """The imports of a user, for one request."""

    template = "transfer/imports.html"
    not_shown_again = (UnavailableError,)

    def __init__(self, request: Request, account: SignedInPageDep, factory: ImportFactoryDep) -> None:
        super().__init__(request)
        self.imports = factory.imports
        self.public_url = factory.public_url
        self.limits = factory.limits
        self.owner_id = account.id

    async def show_again(self, error: AppError, form: Form) -> Response:  # noqa: ARG002 (a file can't be kept)
        return await self.show(error=error)

    async def show(self, *, error: AppError | None = None) -> Response:
        jobs = await self.imports.list(self.owner_id)
        return self.render(
            error=error,
            jobs=[import_out(job, self.public_url) for job in jobs],
            formats=list(ImportFormat),
            limits=self.limits,
        )

    async def show_one(self, job_id: UUID, *, error: AppError | None = None) -> Response:
        """An import, with the lines of it that should be looked at."""
        job = await self.imports.get(self.owner_id, job_id)
        faults: list[Any] = [line_out(line, self.public_url) for line in await self.imports.list_faults(job.id)]
        return self.render(
            "transfer/import.html",
            error=error,
            notice="Stopped. What was created so far stays." if self.done == STOPPED else None,
            job=import_out(job, self.public_url),
            faults=faults,
            most_faults=SHOWN_FAULTS,
        )


class OneImportPage(ImportPage):
    """A page of one import."""

    async def show_again(self, error: AppError, form: Form) -> Response:  # noqa: ARG002 (it has no fields)
        return await self.show_one(UUID(str(self.request.path_params["import_id"])), error=error)


ImportPageDep = Annotated[ImportPage, Depends()]
OneImportPageDep = Annotated[OneImportPage, Depends()]


@router.get(ADDRESS)
async def show(page: ImportPageDep) -> Response:
    return await page.show()


@router.post(ADDRESS)
@form_action
async def import_file(page: ImportPageDep) -> Response:
    await page.imports.require_allowed(page.owner_id)
    async with read_upload(page.request, page.owner_id, max_bytes=page.limits.max_bytes) as upload:
        job = await page.imports.order(
            page.owner_id,
            upload.path,
            size_bytes=upload.size_bytes,
            name=upload.name,
            file_format=upload.format,
            is_dry_run=upload.is_dry_run,
        )
    # Redirect, so that reloading the page to see the progress does not send the file again.
    return RedirectResponse(f"{ADDRESS}/{job.id}", 303)


@router.get(f"{ADDRESS}/{{import_id:uuid}}")
async def show_one(import_id: UUID, page: ImportPageDep) -> Response:
    return await page.show_one(import_id)


@router.get(f"{ADDRESS}/{{import_id:uuid}}/lines")
async def get_lines(import_id: UUID, page: ImportPageDep) -> Response:
    job = await page.imports.get(page.owner_id, import_id)
    return lines_response(page.imports.lines(job.id), page.public_url)


@router.post(f"{ADDRESS}/{{import_id:uuid}}/stop")
@form_action
async def stop(import_id: UUID, page: OneImportPageDep, _: FormDep) -> Response:
    await page.imports.stop(page.owner_id, import_id)
    return redirect_after_form(f"{ADDRESS}/{import_id}", done=STOPPED)


redirect_to_page(router, f"{ADDRESS}/{{import_id}}", f"{ADDRESS}/{{import_id:uuid}}/stop")
