"""Fixtures: one server for the tests of a module, and the model that it shows."""

import pytest

from explore._models import explored, write_model
from explore._server import Server

pytest.importorskip("starlette", reason="the explorer needs firth[explore]")


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("explore"))


@pytest.fixture(scope="session")
def subject():
    """The same model in this process."""
    return explored()


@pytest.fixture(scope="module")
def server(model):
    running = Server(model)
    yield running
    assert running.stop() < 2
    assert running.process.returncode == 0
    assert running.process.stderr.read() == ""
    running.process.stdout.close()
    running.process.stderr.close()


@pytest.fixture(scope="module")
def browser():
    from explore._browser import CHROMIUM, FLAGS, sync_api  # here, because other tests need no browser

    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
