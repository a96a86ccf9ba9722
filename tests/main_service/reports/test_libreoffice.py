"""A report in a spreadsheet program: LibreOffice opens it, shows its figures, and runs none of its texts."""

import csv
import io
import os
import shutil
import subprocess
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests.support.engines import Environment
from tests.support.entries import owned_link
from tests.support.installing import NotInstalledError, debians_package, find_or_install
from tests.support.reports import backdate_entries, confirmed_user, ordered_file
from tests.support.statistics import insert_hour_counts, insert_value_count

OPEN_SECONDS = 120.0
HOSTILE = ["=1+1", '=HYPERLINK("http://evil.example","x")', "@SUM(A1)"]


def find() -> Path | None:
    found = shutil.which("soffice")
    return Path(found) if found else None


def libreoffice() -> Path:
    try:
        return find_or_install("libreoffice", find, [debians_package("libreoffice-calc-nogui")])
    except NotInstalledError as error:
        raise AssertionError(
            f"This test needs LibreOffice, and there is no soffice on PATH: {error}. "
            "Install Debian's package: apt-get install libreoffice-calc-nogui."
        ) from error


def sheets_of(workbook: Path) -> dict[str, list[list[str]]]:
    """What LibreOffice shows of each sheet, after it has calculated all it would calculate."""
    folder = workbook.parent
    every_sheet = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"
    own_profile = f"-env:UserInstallation=file://{folder}/profile"
    done = subprocess.run(
        [libreoffice(), own_profile, "--headless", "--convert-to", every_sheet, "--outdir", str(folder), str(workbook)],
        capture_output=True,
        text=True,
        timeout=OPEN_SECONDS,
        env={**os.environ, "HOME": str(folder)},
    )
    files = sorted(folder.glob(f"{workbook.stem}-*.csv"))
    assert files, done.stdout + done.stderr
    names = [file.stem.removeprefix(f"{workbook.stem}-") for file in files]
    return {name: list(csv.reader(io.StringIO(file.read_text()))) for name, file in zip(names, files, strict=True)}


# It may have to be installed, after another program that is being installed.
@pytest.mark.timeout(600)
async def test_libreoffice_shows_the_figures_and_runs_no_text(
    client: httpx.Client, environment: Environment, database: asyncpg.Connection, tmp_path: Path
) -> None:
    user = await confirmed_user(client, database)
    keys = [owned_link(client, user, title=title) for title in HOSTILE]
    await backdate_entries(database, *keys)
    await insert_hour_counts(database, keys[0], "2026-03-01 00:00", people=1234, bots=5, visitors=6)
    await insert_value_count(database, keys[0], "2026-03-01", "referrer", "=2+2", 7)
    workbook = tmp_path / "report.xlsx"
    workbook.write_bytes(await ordered_file(client, environment, user))

    sheets = sheets_of(workbook)

    assert {row[3] for row in sheets["Entries"][1:]} == set(HOSTILE)
    [[day, key, *figures]] = sheets["Visits per day"][1:]
    assert (day, key, [int(figure) for figure in figures]) == ("2026-03-01", keys[0], [1234, 5, 6])
    assert sheets["Referrers"][1:] == [["=2+2", "7"]]
    assert ["Day", "Weekday", "Visits"] in [row[:3] for row in sheets["Summary"]]
