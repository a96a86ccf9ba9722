"""What a newcomer sees first: the top of the README."""

import re
import struct

from tests.support.engines import REPOSITORY
from tests.support.screenshot import PICTURE

MAX_PICTURE_BYTES = 150_000


def test_readme_leads_with_one_picture_one_command_and_three_reasons() -> None:
    top = (REPOSITORY / "README.md").read_text().partition("\n## ")[0]

    [picture] = re.findall(r"^!\[.{20,}\]\((.+)\)$", top, re.MULTILINE)
    assert REPOSITORY / picture == PICTURE
    [command] = re.findall(r"^```sh\n(.*)\n```$", top, re.MULTILINE)
    assert command.startswith("curl ")
    assert len(re.findall(r"^\* \*\*.+\.\*\* ", top, re.MULTILINE)) == 3


def test_picture_is_as_wide_as_a_laptop_and_soon_loaded() -> None:
    png = PICTURE.read_bytes()

    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">I", png[16:20]) == (1280,)
    assert len(png) < MAX_PICTURE_BYTES
