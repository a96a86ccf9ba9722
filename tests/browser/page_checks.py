"""Measures a page that is open."""

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page


def serious_findings(page: Page) -> list[str]:
    """What axe-core finds that keeps people from using the page. It runs beside the page's policy, not under it."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    results: dict[str, Any] = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{finding['impact']} {finding['id']}: {node['html']} {node.get('failureSummary')}"
        for finding in results["violations"]
        for node in finding["nodes"]
        if finding["impact"] in ("serious", "critical")
    ]


def content_width(page: Page) -> int:
    """In px. On phones innerWidth grows with the content, so only the window's own width is a measure."""
    width: int = page.evaluate("document.scrollingElement.scrollWidth")
    return width
