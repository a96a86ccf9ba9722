"""Reports with more rows than a sheet, or memory, could hold."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from sqlalchemy import text

from main_service.engines.postgres import Session, create_engine
from tests.support.engines import REPOSITORY, START_SECONDS, Environment, full

# Rows one after the other, never all at once; what the process has needed at most, in KiB, before and after.
WRITE = """
import resource, sys
from datetime import date
from pathlib import Path
from main_service.reports.sheets import Workbook, SheetColumn, CellType, Sheet
from main_service.reports.xlsx import write_xlsx

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

count = 1_048_577
number = (SheetColumn("Number", CellType.NUMBER),)
many = Sheet("Many", number, count, ((n,) for n in range(count)))
few = Sheet("Few", (SheetColumn("Text", CellType.TEXT),), 2, iter([("x" * 40_000,), ("\\U0001f600" * 20_000,)]))
columns = (SheetColumn("Day", CellType.DAY), SheetColumn("Weekday", CellType.TEXT), *number)
days = Sheet("Days", columns, 1, iter([(date(2026, 3, 1), "a", 1)]))
before = peak()
write_xlsx(Workbook((), days, (many, few)), Path(sys.argv[1]))
print(before, peak())
"""


def test_more_rows_than_a_sheet_holds_go_on_in_the_next_one_and_need_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.xlsx"
    done = subprocess.run(
        [sys.executable, "-c", WRITE, str(path)],
        env=full({}),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=True,
    )
    before, after = map(int, done.stdout.split())
    assert after - before < 50 * 1024, "a million rows have at least that"

    with zipfile.ZipFile(path) as archive:
        names = re.findall(r'<sheet name="([^"]+)"', archive.read("xl/workbook.xml").decode())
        rows = {
            name: archive.read(f"xl/worksheets/sheet{n}.xml").count(b"<row ") for n, name in enumerate(names, start=1)
        }
        few = archive.read("xl/worksheets/sheet4.xml").decode()
    assert rows == {"Summary": 2, "Many": 1_048_576, "Many 2": 3, "Few": 3}
    texts = [re.sub("<[^>]+>", "", cell) for cell in re.findall(r"<c [^>]*>(.*?)</c>", few)][1:]
    assert [(len(each.encode("utf-16-le")) // 2, each[0], each[-1]) for each in texts] == [
        (32_767, "x", "…"),
        (32_767, "\U0001f600", "…"),
    ]


async def test_rows_come_in_parts(environment: Environment) -> None:
    engine = create_engine(environment["MAIN_DATABASE_URL"], pool_size=None)
    values: dict[str, Any] = {"count": 12_000}
    async with Session(engine) as session:
        parts = session.partitions(text("SELECT generate_series(1, CAST(:count AS int))"), values, size=5_000)
        found = [list(part) async for part in parts]
    await engine.dispose()

    assert [len(part) for part in found] == [5_000, 5_000, 2_000]
    assert [row[0] for part in found for row in part] == list(range(1, 12_001))
