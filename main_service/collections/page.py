"""The pages of a user's own collections, in the states that a request can bring them to."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response
from fastapi.responses import RedirectResponse

from main_service.accounts.forms import form_page
from main_service.accounts.page_users import SignedInPageDep
from main_service.collections.dependencies import CollectionsDep, PositionDep
from main_service.collections.presentation import page_items, shared_address
from main_service.collections.schemas import DEFAULT_PAGE_SIZE, MAX_NAME_LENGTH
from main_service.dependencies import SettingsDep
from main_service.entries.rights import Asker
from main_service.errors import AppError, NotFoundError, UnavailableError
from main_service.web.csrf import FIELD, check_form
from main_service.web.form_body import read_form_lists
from main_service.web.page_ids import read_id

Fields = dict[str, str]


async def get_collection_id(collection_id: str) -> UUID:
    return read_id(collection_id)


CollectionIdDep = Annotated[UUID, Depends(get_collection_id)]


class CollectionPages:
    def __init__(
        self,
        request: Request,
        account: SignedInPageDep,
        settings: SettingsDep,
        collections: CollectionsDep,
        position: PositionDep,
    ) -> None:
        self._request = request
        self._settings = settings
        self._collections = collections
        self._position = position
        self.owner_id = account.id

    async def after(
        self,
        action: Callable[[Fields], Awaitable[Response]],
        again: Callable[[AppError, Fields], Awaitable[Response]],
    ) -> Response:
        """What `action` makes of the form, or what `again` makes of it with what is wrong.

        The values of boxes of one name come as one, with line ends between.
        """
        fields = {name: "\n".join(values) for name, values in (await read_form_lists(self._request)).items()}
        try:
            check_form(self._request, fields.get(FIELD), self._settings)
            return await action(fields)
        except (NotFoundError, UnavailableError):
            # There is no page to show again.
            raise
        except AppError as error:
            return await again(error, fields)

    async def show_all(self, *, error: AppError | None = None, kept: Mapping[str, str] | None = None) -> Response:
        """`kept`: what was typed."""
        return form_page(
            self._request,
            self._settings,
            "collections/list.html",
            error=error,
            collections=await self._collections.list(self.owner_id),
            form={"name": ""} | dict(kept or {}),
            max_name_length=MAX_NAME_LENGTH,
        )

    async def show(
        self,
        collection_id: UUID,
        *,
        notice: str | None = None,
        error: AppError | None = None,
        kept: Mapping[str, str] | None = None,
    ) -> Response:
        """One of them. `kept`: what was typed."""
        collection = await self._collections.get(self.owner_id, collection_id)
        page = await self._collections.list_entries(
            self.owner_id, collection_id, after=self._position, limit=DEFAULT_PAGE_SIZE
        )
        public_url = self._settings.public_url
        return form_page(
            self._request,
            self._settings,
            "collections/collection.html",
            error=error,
            notice=notice,
            collection=collection,
            shared_url=collection.shared_key and shared_address(public_url, collection.shared_key),
            items=page_items(page, public_url, Asker(account_id=self.owner_id)),
            cursor=self._position and self._position.cursor,
            next_cursor=page.next and page.next.cursor,
            form={"name": collection.name, "keys": ""} | dict(kept or {}),
            max_name_length=MAX_NAME_LENGTH,
        )

    @staticmethod
    def lead_to(collection_id: UUID) -> Response:
        return RedirectResponse(f"/collections/{collection_id}", 303)


CollectionPagesDep = Annotated[CollectionPages, Depends()]
