"""The page of a paste has the colours of its language where it can have them, and is there in any case."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import httpx
import psutil
import pytest

from tests.support.accounts import User, new_user
from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste, owned_paste
from tests.support.rendered import text_on_page
from tests.support.waiting import eventually
from tests.support.web import WebServer

HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def paste_web(environment: Environment) -> Iterator[WebServer]:
    """A web process of its own, whose renderer may be stopped."""
    with WebServer(environment) as server:
        yield server


def code() -> str:
    return f"import {uuid4().hex}  # <&>\r\n\0'\r'\n"


def page(client: httpx.Client, path: str, **headers: str) -> str:
    answer = client.get(path, headers=HTML | headers)
    assert answer.status_code == 200
    return answer.text


def is_coloured(html: str) -> bool:
    return "<b class=k>import </b>" in html


def coloured_page(client: httpx.Client, path: str, **headers: str) -> str:
    """The page, once the renderer has found the time."""
    return eventually(lambda: is_coloured(html := page(client, path, **headers)) and html, "a page with colours")


def coloured_key(client: httpx.Client, create: Callable[[], str], **headers: str) -> str:
    """The key of a paste whose page has had its colours.

    Where nothing is kept, what took long on a busy machine is not tried again soon: each time it is another paste.
    """
    return eventually(
        lambda: is_coloured(page(client, f"/{(key := create())}", **headers)) and key, "a page with colours"
    )


def creation(client: httpx.Client, user: User, visibility: str) -> Callable[[], str]:
    return lambda: owned_paste(client, user, text=code(), syntax="python", visibility=visibility)


def renderers_of(server: WebServer) -> list[psutil.Process]:
    """The renderer, and for some seconds after others had to wait for it, a second one."""
    return eventually(lambda: psutil.Process(server.processes[0].pid).children(), "a renderer")


@contextmanager
def stopped_renderers(server: WebServer) -> Iterator[None]:
    renderers = renderers_of(server)
    for renderer in renderers:
        with suppress(psutil.NoSuchProcess):
            renderer.suspend()
    try:
        yield
    finally:
        for renderer in renderers:
            # The second one has been ended in the meantime.
            with suppress(psutil.NoSuchProcess):
                renderer.resume()


def test_page_has_the_colours_of_its_language_and_the_text(paste_web: WebServer) -> None:
    text = code()
    key = create_paste(paste_web.client, text=text, syntax="python")["key"]

    html = coloured_page(paste_web.client, f"/{key}")

    assert text_on_page(html) == text
    assert "2 lines" in html


def test_private_and_limited_texts_have_colours_too(paste_web: WebServer) -> None:
    client = paste_web.client
    user = new_user(client)

    def limited() -> str:
        return str(create_paste(client, text=code(), syntax="python", views=2)["key"])

    assert coloured_key(client, creation(client, user, "private"), **user.headers)
    assert coloured_key(client, limited, **{"X-Reveal": "1"})


def test_colours_are_kept_for_those_who_are_signed_in_but_not_of_private_texts(paste_web: WebServer) -> None:
    client = paste_web.client
    user = new_user(client)
    unlisted, private = (
        coloured_key(client, creation(client, user, each), **user.headers) for each in ("unlisted", "private")
    )
    with stopped_renderers(paste_web):
        assert is_coloured(page(client, f"/{unlisted}", **user.headers))
        assert not is_coloured(page(client, f"/{private}", **user.headers))


def test_page_is_there_plain_while_the_renderer_is_stopped_and_links_lead_on(paste_web: WebServer) -> None:
    client = paste_web.client
    link = create_link(client)["key"]
    texts = [code() for _ in range(4)]
    keys = [create_paste(client, text=text, syntax="python")["key"] for text in texts]
    pages: dict[str, str] = {}

    def look(key: str) -> None:
        with paste_web.new_client() as reader:
            pages[key] = page(reader, f"/{key}")

    readers = [threading.Thread(target=look, args=(key,)) for key in keys]
    with stopped_renderers(paste_web):
        for reader in readers:
            reader.start()
        for _ in range(10):
            assert client.get(f"/{link}").status_code == 302
        for reader in readers:
            reader.join()

    assert [text_on_page(pages[key]) for key in keys] == texts
    # The one that the renderer was stopped at; another may have done the others.
    assert not all(map(is_coloured, pages.values()))
    # What no request waited for any longer is there for the next one.
    for key in keys:
        coloured_page(client, f"/{key}")


def test_page_comes_back_to_colours_after_its_renderer_was_killed(paste_web: WebServer) -> None:
    for renderer in renderers_of(paste_web):
        with suppress(psutil.NoSuchProcess):
            renderer.kill()
    key = create_paste(paste_web.client, text=code(), syntax="python")["key"]

    coloured_page(paste_web.client, f"/{key}")


def test_long_text_is_plain_and_whole(paste_web: WebServer) -> None:
    text = "import this  # <&>\r\n" * (512 * 1024 // 20 + 1)
    key = create_paste(paste_web.client, text=text, syntax="python")["key"]

    html = page(paste_web.client, f"/{key}")

    assert not is_coloured(html)
    assert text_on_page(html) == text
    assert "26,215 lines" in html


def test_renderer_holds_none_of_our_sockets(paste_web: WebServer) -> None:
    renderer = eventually(lambda: len(found := renderers_of(paste_web)) == 1 and found[0], "no second renderer")

    def descriptors() -> list[str]:
        held = []
        for path in Path(f"/proc/{renderer.pid}/fd").iterdir():
            # While it starts, it opens and closes the files of modules.
            with suppress(FileNotFoundError):
                held.append(str(path.readlink()))
        return sorted(held)

    # Its input, its output, and /dev/null for what libraries print.
    eventually(
        lambda: len(held := descriptors()) == 4 and held[:2] == ["/dev/null", "/dev/null"],
        "a renderer that has started, and holds its pipes alone",
    )
    assert not renderer.net_connections()
