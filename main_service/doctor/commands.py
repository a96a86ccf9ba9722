"""Commands as the operator types them here: with make, in a container, or by hand."""

import os

from main_service.doctor.surroundings import is_in_container


def typed(command: str) -> str:
    """A command of main_service, such as `doctor`, that tells more."""
    if os.environ.get("SLIPBIN_MAKE"):
        return f"`make {command}`"
    if _is_launched():
        return f"`python -m launcher main {command}`"
    return f"`python -m main_service {command}`"


def restart(service: str) -> str:
    """How one service is ended and started again; part of a sentence that begins with it."""
    if os.environ.get("SLIPBIN_MAKE"):
        return f"Restart it: `make restart args={service}`"
    if _is_launched():
        return f"Restart it: `python -m launcher restart {service}`"
    if is_in_container():
        return f"Restart it: `docker compose restart {service}`"
    return f"Restart {service}"


def restart_web() -> str:
    """How web processes are ended and started again; part of a sentence."""
    if _is_launched() or os.environ.get("SLIPBIN_MAKE"):
        return f"{restart('web-1')}, and so on for each"
    return restart("main") if is_in_container() else "Restart them"


def migrate() -> str:
    """How the database is brought up to date; a sentence."""
    if _is_launched():
        return "End `make run` and start it again: it migrates first."
    if is_in_container():
        return "Run: docker compose up --detach migrate"
    return "Run: python -m main_service migrate"


def take_up(programs: str) -> str:
    """How these programs get a changed setting; the end of a sentence that says which."""
    if _is_launched():
        return "end `make run` and start it again"
    return "type `docker compose up --detach`" if is_in_container() else f"restart {programs}"


def take_settings() -> str:
    """How running processes get settings that were changed, if they were; a sentence."""
    if _is_launched():
        return (
            "If .env was changed: end `make run` and start it again. What `make run` was given on its command line "
            "belongs in .env, where this command finds it too."
        )
    if is_in_container():
        return "Replace the containers: `docker compose up --detach`, or `make update`, which fails no request."
    return "Restart it. What it was given in its environment alone belongs in .env, where this command finds it too."


def _is_launched() -> bool:
    return bool(os.environ.get("SLIPBIN_LAUNCHER"))
