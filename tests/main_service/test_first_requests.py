"""What is done before a web process takes requests."""

import pytest
from jinja2 import Environment

from main_service.first_requests import compile_readers_templates
from main_service.settings import Settings
from main_service.web.templating import create_templates
from tests.support.settings import VALID_SETTINGS

SAID = {"heading": "Gone", "detail": "This has expired", "advice": None, "link": None, "request_id": None}


def test_a_page_for_strangers_compiles_nothing_once_the_process_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    templates = create_templates(Settings(**VALID_SETTINGS))
    compile_readers_templates(templates)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a template was not compiled")

    monkeypatch.setattr(Environment, "compile", refuse)
    page = templates.get_template("problem.html").render(has_session=False, status=410, **SAID)
    assert SAID["detail"] in page
    for name in ("entries/home.html", "entries/editor.html", "entries/recent.html", "entries/paste.html"):
        assert templates.get_template(name)
