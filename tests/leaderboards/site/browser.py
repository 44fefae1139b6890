"""A headless Chromium for tests of pages, and what every page is held to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 800}
SERIOUS = {"serious", "critical"}


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser; the test is skipped where there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install 'hamster-bench[test]'")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium: apt-get install -y chromium")
    with api.sync_playwright() as playwright:
        # Root, as in a container, cannot use the sandbox; the pages are our own.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Tab:
    """A page that remembers everything it complained about."""

    def __init__(self, browser: Any, **options: Any) -> None:
        self.context = browser.new_context(**({"viewport": DESKTOP} | options))
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", lambda request: self.complaints.append(f"not loaded: {request.url}"))

    def open(self, address: str) -> Any:
        self.page.goto(address)
        # Pages that fill their tables by a script say when they have.
        if self.page.locator("#controls").count():
            self.page.wait_for_selector("body[data-ready]")
        return self.page

    def milliseconds(self) -> float:
        """How long the page took to load."""
        return float(self.page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"))

    def serious_faults(self) -> list[tuple[str, str]]:
        """Faults of accessibility that axe calls serious or critical: rule and element."""
        from axe_playwright_python.sync_playwright import Axe

        said = len(self.complaints)
        found = Axe().run(self.page).response["violations"]
        # axe asks for the style sheets in a way that the pages' own policy refuses.
        del self.complaints[said:]
        return [(fault["id"], node["html"]) for fault in found if fault["impact"] in SERIOUS for node in fault["nodes"]]

    def is_wider_than_the_screen(self) -> bool:
        return bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))
