"""Who is answered: the host, the token, the site, the method and the size of a request, over real sockets."""

import json
import re
from pathlib import Path

import pytest

from explore._server import parsed
from firth.explore.guard import HEADERS, LARGEST_HEADERS, LONGEST_TARGET

API = "/api/overview"


def test_the_right_host_and_cookie_are_answered(server):
    for host in (f"127.0.0.1:{server.port}", f"localhost:{server.port}", f"LocalHost:{server.port}"):
        assert server.request(API, host=host).status == 200


@pytest.mark.parametrize("host", [
    "evil.example", "evil.example:{port}", "127.0.0.1", "localhost", "127.0.0.1:1", "127.0.0.1:{port}.evil.example",
    "localhost.:{port}", "localhost.evil.example:{port}", "evil.example@127.0.0.1:{port}",
    "127.0.0.1:{port}@evil.example",
    "[::1]:{port}", "[::ffff:127.0.0.1]:{port}", "0.0.0.0:{port}", "127.1:{port}", "2130706433:{port}",
    "0x7f000001:{port}",
    "127.0.0.1:0{port}", "127.0.0.1:+{port}", "127.0.0.1:{port} ", " ", "127.0.0.1:{port}/", "127.0.0.1:{port}#", "*",
    "127.0.0.1:{port},evil.example", "http://127.0.0.1:{port}", "localhost:{port}:{port}", "ⅼocalhost:{port}",
    "127.0.0.2:{port}",
])  # fmt: skip
def test_any_other_host_is_refused(server, host):
    given = host.format(port=server.port).encode().decode("latin-1")
    expected = (
        (200,) if given.strip() == f"127.0.0.1:{server.port}" else (400, 403)
    )  # space around a value is no part of it
    assert server.request(API, host=given or " ").status in expected


def test_a_request_without_a_host_or_with_two_is_refused(server):
    assert server.request(API, host=None).status == 400
    host = f"Host: 127.0.0.1:{server.port}\r\n"
    reply = parsed(server.raw(f"GET {API} HTTP/1.1\r\n{host}{host}Cookie: {server.cookie}\r\n\r\n".encode()))
    assert reply.status == 400
    old = parsed(server.raw(f"GET {API} HTTP/1.0\r\nCookie: {server.cookie}\r\n\r\n".encode()))
    assert old.status == 403


def test_an_absolute_address_in_the_request_does_not_replace_the_host(server):
    assert server.request(f"http://127.0.0.1:{server.port}{API}").status == 404
    assert server.request(f"http://evil.example{API}", host="evil.example").status == 403


@pytest.mark.parametrize("cookie", [None, "firth=1", "{name}=", "{name}={short}", "{name}={token}", "{name}x={value}",
                                    "{name}={other}", "{name}={value}x", "{value}", "a" * 5000])  # fmt: skip
def test_data_needs_the_cookie(server, cookie):
    name, _, value = server.cookie.partition("=")
    parts = {"name": name, "value": value, "short": value[:-1], "token": server.token, "other": value[::-1]}
    given = None if cookie is None else cookie.format(**parts)
    for target in ("/", API, "/static/main.js", "/nothing"):
        assert server.request(target, cookie=given).status == 401


@pytest.mark.parametrize("query", ["", "?token=", "?token=a", "?token={short}", "?token={token}x",
    "?token={token}&token=a",
                                   "?Token={token}", "?token=%00{token}", "?token={cookie}", "?x={token}"])  # fmt: skip
def test_the_entrance_needs_the_token(server, query):
    parts = {"token": server.token, "short": server.token[:-1], "cookie": server.cookie.partition("=")[2]}
    reply = server.request("/enter" + query.format(**parts), cookie=None)
    assert reply.status == 403
    assert "set-cookie" not in reply.headers


def test_the_entrance_gives_a_cookie_that_scripts_and_other_sites_cannot_use(server):
    reply = server.request(f"/enter?token={server.token}", cookie=None, headers={"Sec-Fetch-Site": "cross-site"})
    assert reply.status == 200
    assert re.fullmatch(
        rf"firth-{server.port}=[\w-]{{43}}; Path=/; HttpOnly; SameSite=Strict", reply.headers["set-cookie"]
    )
    assert server.token not in reply.headers["set-cookie"]
    assert server.token.encode() not in reply.body


def test_other_sites_are_refused_and_no_site_is_allowed_to_read(server):
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
    {"Origin": "http://evil.example"},
                    {"Origin": "null"}, {"Origin": f"https://127.0.0.1:{server.port}"}):  # fmt: skip
        reply = server.request(API, headers=headers)
        assert reply.status == 403
        assert "access-control-allow-origin" not in reply.headers
    for headers in (
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": f"http://localhost:{server.port}"},
    ):
        assert server.request(API, headers=headers).status == 200


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT", "BREW", "get"]
)
def test_only_get_is_allowed(server, method):
    preflight = {"Origin": f"http://127.0.0.1:{server.port}", "Access-Control-Request-Method": "GET"}
    reply = server.request(API, method=method, headers=preflight)
    assert reply.status in (400, 405)  # CONNECT with a path is not HTTP
    assert not [name for name in reply.headers if name.startswith("access-control")]


def test_a_body_is_refused(server):
    assert server.request(API, headers={"Content-Length": "5"}, body=b"hello").status == 400
    assert server.request(API, headers={"Transfer-Encoding": "chunked"}, body=b"0\r\n\r\n").status == 400
    assert server.request(API, headers={"Content-Length": "0"}).status == 200
    smuggled = {"Content-Length": "5", "Transfer-Encoding": "chunked"}
    assert server.request(API, headers=smuggled, body=b"0\r\n\r\n").status == 400


def test_long_addresses_and_large_headers_are_refused(server):
    assert server.request("/api/ask?q=" + "a" * 1024).status == 200
    assert server.request("/api/ask?q=" + "a" * 1025).status == 400
    for size in (LONGEST_TARGET, 16_000):
        assert server.request("/api/ask?q=" + "a" * size).status == 414
    for size in (65_536, 1 << 20):
        assert server.request("/api/ask?q=" + "a" * size).status in (400, 414, 0)
    assert server.request(API, headers={"X": "a" * (LARGEST_HEADERS + 1)}).status in (400, 431)
    assert server.request(API, headers={"X": "a" * 65_536}).status in (400, 431, 0)  # 0: closed while it was sent


@pytest.mark.parametrize("path", [
    "/../pyproject.toml", "/static/../__init__.py", "/static/..%2f__init__.py", "/static/%2e%2e/__init__.py",
    "/static/..%252f__init__.py", "/static/..\\__init__.py", "/static/%5c..%5c__init__.py", "//etc/passwd",
    "/etc/passwd",
    "/static//etc/passwd", "/static/%2fetc%2fpasswd", "/static/main.js%00", "/static/%00main.js", "/static/main.js/",
    "/static/./main.js", "/static/MAIN.JS", "/static/main.js;x", "/static/", "/static", "/./", "/%2e", "/..",
    "/.git/config",
    "/static/main%2ejs%0a", "/static/../static/main.js", "/api/../static/main.js", "/file:///etc/passwd",
    "/static/~root",
    "/static/C:\\windows\\win.ini", "/static/%c0%ae%c0%ae/", "/static/\xff", "/api", "/api/", "/api/__init__",
    "/index.html",
])  # fmt: skip
def test_no_path_reaches_the_file_system(server, path):
    reply = server.request(path)
    assert reply.status in (400, 404)
    assert b"import" not in reply.body


@pytest.mark.parametrize("target", ["/", "/static/main.js", "/static/style.css", API, "/api/ask?q=king", "/nothing",
                                    "/api/words?count=1", "/api/ask?q="])  # fmt: skip
def test_every_response_has_the_headers_that_protect_the_page(server, target):
    for cookie in ("", None):
        headers = server.request(target, cookie=cookie).headers
        assert {name: headers.get(name) for name in HEADERS} == HEADERS
        assert "unsafe" not in headers["content-security-policy"]
        assert "server" not in headers


def test_the_token_is_printed_once_and_is_not_among_the_arguments(server):
    assert "".join(server.printed).count(server.token) == 1
    assert server.token not in Path(f"/proc/{server.process.pid}/cmdline").read_text()


def test_only_the_loopback_interface_is_listened_on(server):
    local = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    port = f":{server.port:04X}"
    assert {address for address in local if address.endswith(port)} == {f"0100007F{port}"}
    everywhere = [line.split()[1] for line in Path("/proc/net/tcp6").read_text().splitlines()[1:]]
    assert not [address for address in everywhere if address.endswith(port)]


def test_questions_without_sense_are_errors_of_the_client(server):
    for target in ("/api/ask?q=king&topn=1000000000", "/api/ask?q=king&topn=-1", "/api/ask?q=king&topn=1e3",
    "/api/ask?q=",
                   "/api/ask", "/api/ask?q=king&among=0", "/api/ask?q=king&topn=" + "9" * 3000,
                   "/api/points?map=nothing",
                   "/api/points?map=pca&start=999999",
                   "/api/colours?of=nothing", "/api/words?count=99999999",
                   "/api/pair?loss=none", "/api/pair?loss=softmax&numbers=1,2",
                   "/api/ask?q=king+-", "/api/ask?q=king&topn=%D9%A3"):  # fmt: skip
        reply = server.request(target)
        assert reply.status == 400, target
        assert json.loads(reply.body)["error"]
