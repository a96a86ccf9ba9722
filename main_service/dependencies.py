"""What routes of every feature ask for: the process's resources and the request's transaction.

All are coroutines, though most await nothing: FastAPI runs plain functions in a thread, which costs more than they do.
They get resources by `resources_of` and not as dependencies: FastAPI solves each dependency again wherever it occurs in
the tree, which costs more than most of them do.
"""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request

from main_service.engines.postgres import Session
from main_service.resources import Resources
from main_service.settings import Settings


def resources_of(request: Request) -> Resources:
    resources: Resources = request.app.state.resources
    return resources


async def get_resources(request: Request) -> Resources:
    return resources_of(request)


ResourcesDep = Annotated[Resources, Depends(get_resources)]


async def get_settings(request: Request) -> Settings:
    return resources_of(request).settings


SettingsDep = Annotated[Settings, Depends(get_settings)]


async def get_session(request: Request) -> AsyncIterator[Session]:
    """The request's transaction: committed when the route has returned, rolled back when it raised."""
    async with resources_of(request).sessions() as session:
        yield session
        await session.commit()


# Scope "function" ends the dependency before the answer is sent. The default would send 201 first and commit after.
SessionDep = Annotated[Session, Depends(get_session, scope="function")]
