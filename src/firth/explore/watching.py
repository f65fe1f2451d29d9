"""The page of a training run, served from a thread while the run goes on."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import uvicorn
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from firth.explore.access import Access
from firth.explore.assets import read_assets
from firth.explore.feed import TrainingFeed
from firth.explore.guard import Guard
from firth.explore.routes import Endpoint, Site, endpoint
from firth.explore.server import listening, settings
from firth.explore.workers import Workers
from firth.logs import log

_POLL_SECONDS = 0.2  # between two looks at the feed: a tab learns of the end of the run in time
_STREAM_SECONDS = 45.0  # the browser then asks again, before the deadline of a response
_END_SECONDS = 2.0  # for tabs to learn of the end
_STOP_SECONDS = 0.6  # after an interrupt


@contextmanager
def watched(name: str, port: int, ready: Callable[[Access], None]) -> Iterator[TrainingFeed]:
    """Serve the page of a run while the block trains, with the feed as a callback of `Word2Vec.fit`.

    name   what the page shows as its title
    port   the port, 0 for any that is free
    ready  called once the page can be opened, with the address in `Access.address`

    The thread of the server runs no kernel. Raises `OSError` if the port cannot be used.
    """
    with listening(port) as listener:
        access = Access(listener.getsockname()[1])
        feed, workers = TrainingFeed(name), Workers()
        site = Site(read_assets(), {"/": "training.html"}, TrainingApi(feed, workers).endpoints())
        server = uvicorn.Server(settings(Guard(site, access)))
        thread = Thread(target=server.run, args=([listener],), name="training-page", daemon=True)
        thread.start()
        try:
            ready(access)
            with _lines_of_progress(feed):
                yield feed
            feed.end("done")
        except BaseException:
            feed.end("stopped")
            raise
        finally:
            server.should_exit = True
            thread.join(_END_SECONDS if feed.ended == "done" else _STOP_SECONDS)
            server.force_exit = True  # for tabs that do not read
            thread.join(_STOP_SECONDS)
            workers.close()


@contextmanager
def _lines_of_progress(feed: TrainingFeed) -> Iterator[None]:
    """Show the lines of the logger "firth" on the page; its level changes only if nobody else reads them."""
    handler, level = LineHandler(feed), log.level
    log.addHandler(handler)
    if not logging.getLogger().handlers:
        log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.setLevel(level)
        log.removeHandler(handler)


class LineHandler(logging.Handler):
    """Passes lines of the log on to a feed."""

    def __init__(self, feed: TrainingFeed):
        super().__init__(logging.INFO)
        self._feed = feed

    def emit(self, record: logging.LogRecord) -> None:
        """Show one line."""
        self._feed.note(record.getMessage())


class TrainingApi:
    """The functions that answer the page of a run."""

    def __init__(self, feed: TrainingFeed, workers: Workers):
        self._feed, self._workers = feed, workers

    def endpoints(self) -> dict[str, Endpoint]:
        """Return the address of each function."""
        return {"/api/events": self.events, "/api/pin": endpoint(self.pin, self._workers)}

    def pin(self, request: Request) -> Response:
        """Pin a word, or with `off` unpin it."""
        self._feed.pin(request.query_params.get("word", ""), pinned="off" not in request.query_params)
        return Response(status_code=204)

    async def events(self, request: Request) -> Response:
        """Return a stream of server-sent events: the whole state, whenever it has changed."""
        return StreamingResponse(self._states(), media_type="text/event-stream")

    async def _states(self) -> AsyncIterator[str]:
        sent = None
        for _ in range(int(_STREAM_SECONDS / _POLL_SECONDS)):
            has_ended = bool(self._feed.ended)  # read first: the state that follows has the end
            state = self._feed.state()
            if state is not sent:
                sent = state
                yield f"retry: 500\ndata: {state.text}\n\n"
            if has_ended:
                return
            await asyncio.sleep(_POLL_SECONDS)
