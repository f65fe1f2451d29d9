"""Chromium under Playwright: tabs that note what must not happen."""

import os
import shutil

import pytest

from explore._server import Server

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: run make test-browser")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("Chromium is not installed: run make test-browser", allow_module_level=True)
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--no-first-run"]  # fmt: skip


class Tab:
    """A page that notes what must not happen: errors, reports of the policy, dialogs, and requests to elsewhere."""

    def __init__(self, browser, server: Server, fragment: str = "", path: str = "", **settings):
        self.home = f"http://127.0.0.1:{server.port}/"
        self.own = (self.home, "blob:")
        self.faults: list[str] = []
        self.context = browser.new_context(viewport={"width": 1200, "height": 800}, **settings)
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self._note(message.type in ("error", "warning"), message.text))
        self.page.on("pageerror", lambda error: self._note(True, str(error)))
        self.page.on("dialog", lambda dialog: self._note(True, f"dialog {dialog.message}"))
        self.page.on("request", lambda request: self._note(not request.url.startswith(self.own), request.url))
        self.page.goto(server.address)
        self.page.wait_for_url(self.home)
        self.page.goto(f"{self.home}{path}#{fragment}")
        self.page.reload()
        self.page.wait_for_selector("html[data-ready=true]")

    def _note(self, is_fault: bool, text: str) -> None:
        if is_fault and "GPU stall" not in text:  # a remark of the software renderer about reading pixels
            self.faults.append(text)

    def ask(self, text: str) -> None:
        self.page.fill("#question", text)
        self.page.press("#question", "Enter")

    def words(self, section: int = 0) -> list[str]:
        return self.page.locator("#answer section").nth(section).locator(".word").all_text_contents()

    def heading(self) -> str:
        return self.page.text_content("#answer h2") or ""

    def close(self) -> None:
        assert self.faults == [], self.faults
        self.context.close()
