"""The addresses of the page and of its data. All are fixed: no part of an address is a path or a name of a file."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from firth.errors import FirthError, OptionError
from firth.explore.answers import Answers, Search
from firth.explore.assets import Asset, whole_page
from firth.explore.atlas import Atlas
from firth.explore.changes import change_of, kept_bytes, summary
from firth.explore.comparison import Comparison, Neighbours
from firth.explore.explored import Explored, word_bytes
from firth.explore.questions import LONGEST
from firth.explore.workers import BusyError, Workers
from firth.packed_words import PackedWords

MOST_FOUND = 1000
MOST_WORDS = 1 << 18  # in one answer
LARGEST_SEED = 1_000_000
_BINARY = "application/octet-stream"
Handler = Callable[[Request], Response]
Endpoint = Callable[[Request], Awaitable[Response]]


class Api:
    """The functions that answer requests for data. Each runs in a thread of `workers`."""

    def __init__(self, explored: Explored, atlas: Atlas, workers: Workers, comparison: Comparison | None = None):
        self._explored, self._atlas, self._workers, self._comparison = explored, atlas, workers, comparison
        self._answers = Answers(explored, comparison.other.name if comparison else "")

    def endpoints(self) -> dict[str, Endpoint]:
        """Return the address of each function."""
        handlers = [self.overview, self.words, self.points, self.colours, self.suggest, self.ask,
                    self.gradcheck, self.pair]  # fmt: skip
        handlers += [self.comparison, self.compared_words, self.compared_points, self.kept, self.change]
        return {f"/api/{handler.__name__}": endpoint(handler, self._workers) for handler in handlers}

    def overview(self, request: Request) -> Response:
        """Return what the page shows at first."""
        return _json(self._answers.overview())

    def words(self, request: Request) -> Response:
        """Return words as (n,) uint32 lengths in bytes, then their UTF-8."""
        return _binary(word_bytes(self._explored.words, self._range(request)))

    def points(self, request: Request) -> Response:
        """Return points of a map as (n, 2) uint16; status 202 and the progress while the map is computed."""
        points = self._atlas.points(_text(request, "map"))
        if isinstance(points, float):
            return _json({"progress": points}, 202)
        return _binary(points[self._range(request)].astype("<u2").tobytes())

    def colours(self, request: Request) -> Response:
        """Return a property of words as (n,) uint8; status 202 and the progress while it is computed.

        The header `firth-range` has the values of 0 and 255, and the number of words for which the property is known.
        """
        scale = self._atlas.colours(_text(request, "of"), _text(request, "map") or "pca")
        if isinstance(scale, float):
            return _json({"progress": scale}, 202)
        headers = {"firth-range": f"{scale.low:.6g} {scale.high:.6g} {scale.known}"}
        return Response(scale.values[self._range(request)].tobytes(), media_type=_BINARY, headers=headers)

    def suggest(self, request: Request) -> Response:
        """Return words for the beginning of a word."""
        return _json(self._answers.suggest(_text(request, "q")))

    def ask(self, request: Request) -> Response:
        """Return the answer to a question."""
        V = max(1, len(self._explored.vectors))
        topn, among = _whole(request, "topn", 10, 1, MOST_FOUND), _whole(request, "among", V, 1, V)
        return _json(self._answers.ask(_text(request, "q"), Search(topn, among if among < V else None)))

    def gradcheck(self, request: Request) -> Response:
        """Return the gradient check with its numbers."""
        from firth.explore.proof import gradient_comparison  # here, because it is seldom asked for

        return _json(gradient_comparison(_whole(request, "seed", 1, 0, LARGEST_SEED)))

    def pair(self, request: Request) -> Response:
        """Return every number of one pair of words by hand."""
        from firth.explore.proof import pair_by_hand  # here, because it is seldom asked for

        return _json(pair_by_hand(_text(request, "loss"), _text(request, "numbers")))

    # --- two models

    def comparison(self, request: Request) -> Response:
        """Return how much two models have in common; status 202 and the progress while neighbours are searched."""
        return self._compared(lambda compared, found: _json(summary(compared, found)))

    def kept(self, request: Request) -> Response:
        """Return the share of each word's neighbours that both models have, as (n,) uint8."""
        return self._compared(lambda compared, found: _binary(kept_bytes(found).tobytes()))

    def change(self, request: Request) -> Response:
        """Return the neighbours of a word that one model has and the other has not."""
        word = _text(request, "q")
        return self._compared(lambda compared, found: _json(change_of(compared, found, word)))

    def compared_words(self, request: Request) -> Response:
        """Return the words that are compared, as `words` does."""
        return _binary(word_bytes(PackedWords.of(self._both().words[self._range(request)]), slice(None)))

    def compared_points(self, request: Request) -> Response:
        """Return the points of the words in the first model and then in the second, as `points` does."""
        points = self._both().points(_text(request, "map"))
        if isinstance(points, float):
            return _json({"progress": points}, 202)
        return _binary(points.astype("<u2").tobytes())

    def _both(self) -> Comparison:
        if self._comparison is None:
            raise OptionError("there is no second model: start firth explore with --with")
        return self._comparison

    def _compared(self, answer: Callable[[Comparison, Neighbours], Response]) -> Response:
        found = self._both().neighbours()
        return _json({"progress": found}, 202) if isinstance(found, float) else answer(self._both(), found)

    def _range(self, request: Request) -> slice:
        start = _whole(request, "start", 0, 0, len(self._explored.vectors))
        return slice(start, start + _whole(request, "count", MOST_WORDS, 0, MOST_WORDS))


class Site:
    """The application: a fixed table of addresses, each compared as a whole."""

    def __init__(self, assets: dict[str, Asset], pages: dict[str, str], endpoints: dict[str, Endpoint]):
        shared = {f"/static/{name}": _file(asset) for name, asset in assets.items() if not name.endswith(".html")}
        shown = {address: _file(whole_page(assets, name)) for address, name in pages.items()}
        self._endpoints = {**shown, "/favicon.ico": shared["/static/icon.svg"], **shared, **endpoints}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self._endpoints.get(scope["path"], _nothing)
        response = await endpoint(Request(scope, receive))
        await response(scope, receive, send)


async def _nothing(request: Request) -> Response:
    return Response("There is nothing at this address.\n", 404, media_type="text/plain")


def _file(asset: Asset) -> Endpoint:
    async def answer(request: Request) -> Response:
        return Response(asset.content, media_type=asset.media_type)

    return answer


def endpoint(handler: Handler, workers: Workers) -> Endpoint:
    """Return the endpoint that runs a function in a thread, and answers its errors."""

    async def answer(request: Request) -> Response:
        try:
            return await workers.run(handler, request)
        except BusyError:
            return _json({"error": "too many questions at once: try again"}, 503)
        except FirthError as error:
            return _json({"error": str(error)}, 400)

    return answer


def _binary(content: bytes) -> Response:
    return Response(content, media_type=_BINARY)


def _json(value: Any, status: int = 200) -> Response:
    content = json.dumps(value, allow_nan=False, separators=(",", ":"))  # ASCII: words may hold any character
    return Response(content, status, media_type="application/json")


def _text(request: Request, name: str) -> str:
    text: str = request.query_params.get(name, "")
    if len(text) > LONGEST:
        raise OptionError(f"{name} has at most {LONGEST:,} characters: found {len(text):,}")
    return text


def _whole(request: Request, name: str, default: int | None, low: int, high: int) -> int:
    text = request.query_params.get(name, "" if default is None else str(default))
    number = int(text) if text.isascii() and text.isdecimal() else -1
    if not low <= number <= high:
        raise OptionError(f"{name}={text[:20]} is out of range: give a whole number from {low:,} to {high:,}")
    return number
