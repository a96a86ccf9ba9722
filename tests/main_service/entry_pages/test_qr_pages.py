"""QR codes of addresses: what they say, who gets them, and how they are kept."""

import re
import struct
import zlib

import httpx
import pytest
import segno
import zxingcpp

from tests.support.accounts import new_user, register_on_page, sign_in
from tests.support.entries import create_link, create_paste, manage_headers, new_alias
from tests.support.pages import BROWSER, CURL, created_key
from tests.support.web import WebServer

QUIET_ZONE = 4
ENLARGED = 4
Modules = list[list[bool]]


def expected(address: str) -> Modules:
    """Which modules are dark, the quiet zone among them."""
    code = segno.make(address, error="m", micro=False)
    return [[bool(module) for module in row] for row in code.matrix_iter(border=QUIET_ZONE)]


def drawn_in_svg(picture: str) -> Modules:
    """Dark are the lines of one unit that the path draws, each in the middle of its row."""
    [side] = re.findall(r'viewBox="0 0 (\d+) \1"', picture)
    modules = [[False] * int(side) for _ in range(int(side))]
    [lines] = re.findall(r'stroke="#000" d="([^"]*)"', picture)
    x, y = 0.0, 0.0
    for command, numbers in re.findall(r"([Mmh])([-\d. ]+)", lines):
        values = [float(number) for number in numbers.split()]
        if command == "h":
            for place in range(int(x), int(x + values[0])):
                modules[int(y)][place] = True
            x += values[0]
        else:
            x, y = (values[0], values[1]) if command == "M" else (x + values[0], y + values[1])
    return modules


def drawn_in_png(picture: bytes) -> tuple[int, Modules]:
    """Width in px, and which px are dark; of pictures whose rows are whole, or say what differs from the row above."""
    width, height, depth, _, _, _, interlaced = struct.unpack(">IIBBBBB", picture[16:29])
    assert (depth, interlaced) == (1, 0)
    parts, place = b"", 8
    while place < len(picture):
        [length] = struct.unpack(">I", picture[place : place + 4])
        if picture[place + 4 : place + 8] == b"IDAT":
            parts += picture[place + 8 : place + 8 + length]
        place += 12 + length
    data, row_bytes = zlib.decompress(parts), 1 + (width + 7) // 8
    above, dark = bytes(row_bytes - 1), []
    for n in range(height):
        filtering, *row = data[n * row_bytes : (n + 1) * row_bytes]
        assert filtering in (0, 2)
        above = bytes((each + over * (filtering == 2)) % 256 for each, over in zip(row, above, strict=True))
        dark.append([not (above[x // 8] >> (7 - x % 8)) & 1 for x in range(width)])
    return width, dark


def scanned(dots: Modules) -> str:
    """What a scanner reads in the picture, of which each dot is drawn larger, as screens do."""
    rows = [bytes(0 if dark else 255 for dark in row for _ in range(ENLARGED)) for row in dots for _ in range(ENLARGED)]
    picture = memoryview(b"".join(rows)).cast("B", (len(rows), len(rows[0])))
    [code] = zxingcpp.read_barcodes(picture)
    return str(code.text)


@pytest.mark.parametrize("kind", ["paste", "link", "limited"])
def test_code_is_of_the_address_that_is_shared(client: httpx.Client, kind: str) -> None:
    entry = create_link(client) if kind == "link" else create_paste(client, views=1 if kind == "limited" else None)

    svg, png = (client.get(f"/{entry['key']}/qr.{form}") for form in ("svg", "png"))

    assert (svg.status_code, svg.headers["content-type"]) == (200, "image/svg+xml")
    assert drawn_in_svg(svg.text) == expected(entry["url"])
    assert scanned(drawn_in_svg(svg.text)) == entry["url"]
    assert "style" not in svg.text
    assert (png.status_code, png.headers["content-type"]) == (200, "image/png")
    width, dots = drawn_in_png(png.content)
    modules = expected(entry["url"])
    scale = width // len(modules)
    assert width == scale * len(modules) <= 512 < (scale + 1) * len(modules)
    assert [row[scale // 2 :: scale] for row in dots[scale // 2 :: scale]] == modules
    assert scanned(dots) == entry["url"]
    # It spent no view.
    assert client.get(f"/{entry['key']}", headers=CURL).status_code in (200, 302)


@pytest.mark.parametrize("size", [128, 129, 1000, 2048])
def test_picture_is_as_large_as_whole_pixels_allow(client: httpx.Client, size: int) -> None:
    for entry in (create_link(client), create_link(client, alias=new_alias().ljust(64, "W"))):
        width, _ = drawn_in_png(client.get(f"/{entry['key']}/qr.png", params={"size": size}).content)
        assert size // 2 < width <= size


def test_sizes_snap_to_a_few(client: httpx.Client) -> None:
    """Else one client could have thousands of pictures drawn of one entry."""
    key = create_link(client)["key"]

    pictures = {client.get(f"/{key}/qr.png", params={"size": size}).content for size in range(128, 2049, 40)}

    assert len(pictures) <= 9


@pytest.mark.parametrize("size", ["127", "2049", "-1", "0", "1e3", "99999999999999999999", "", "a", "512.5"])
def test_size_out_of_bounds_is_refused(client: httpx.Client, size: str) -> None:
    link = create_link(client)

    response = client.get(f"/{link['key']}/qr.png", params={"size": size})

    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "size")


@pytest.mark.parametrize("form", ["svg", "png"])
def test_picture_that_a_browser_has_is_not_sent_again(client: httpx.Client, form: str) -> None:
    link, other = create_link(client), create_link(client)
    address = f"/{link['key']}/qr.{form}"
    first = client.get(address)
    etag = first.headers["etag"]

    assert first.headers["cache-control"] == "private, max-age=86400"
    for named in (etag, f'"other", W/{etag}'):
        again = client.get(address, headers={"If-None-Match": named})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert client.get(address, headers={"If-None-Match": '"other"'}).content == first.content
    assert client.get(f"/{other['key']}/qr.{form}").headers["etag"] != etag
    head = client.head(address)
    assert (head.status_code, head.headers["etag"], head.content) == (200, etag, b"")


@pytest.mark.parametrize("form", ["svg", "png"])
def test_code_of_a_private_entry_is_for_its_owner_alone(client: httpx.Client, web: WebServer, form: str) -> None:
    names = register_on_page(client)
    owner = {"Authorization": f"Bearer {sign_in(client, names['email'])['access_token']}"}
    key = create_paste(client, headers=owner, visibility="private")["key"]

    answer = client.get(f"/{key}/qr.{form}")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "private, no-cache")
    with web.new_client() as guest, web.new_client() as other:
        register_on_page(other)
        for visitor, headers in ((guest, {}), (other, {}), (guest, new_user(guest).headers)):
            assert visitor.get(f"/{key}/qr.{form}", headers=headers).status_code == 404
            named = {"If-None-Match": answer.headers["etag"]}
            assert visitor.get(f"/{key}/qr.{form}", headers=headers | named).status_code == 404
        assert guest.get(f"/{key}/qr.{form}", headers=owner).content == answer.content
        refused = guest.get(f"/{key}/qr.{form}", headers={"Authorization": "Bearer nonsense"})
        assert (refused.status_code, refused.json()["code"]) == (401, "token_invalid")


@pytest.mark.parametrize("form", ["svg", "png"])
def test_there_is_no_code_of_nothing_and_of_what_has_ended(client: httpx.Client, form: str) -> None:
    link = create_link(client)
    client.delete(f"/api/v1/entries/{link['key']}", headers=manage_headers(link)).raise_for_status()

    assert client.get(f"/{link['key']}/qr.{form}").status_code == 410
    assert client.get(f"/nothing-is-here/qr.{form}").status_code == 404
    assert client.get(f"/{link['key']}/qr.gif").status_code == 404


def test_page_and_manage_page_of_its_maker_show_the_code(client: httpx.Client) -> None:
    register_on_page(client)
    key = created_key(client.post("/pastes", data={"text": "a"}, headers=BROWSER))
    address = f"/{key}/qr.svg"

    shown, managed = (client.get(f"/{key}{end}", headers=BROWSER) for end in ("", "/manage"))

    assert f'src="{address}"' in shown.text
    assert f'<img src="{address}"' in managed.text
    assert client.get(address).status_code == 200
