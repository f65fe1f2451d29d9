"""A stand-in for the Hugging Face Hub: an HTTP server on this machine that answers what huggingface_hub asks.

It keeps repositories in memory, with a history of commits, and stores large files by their SHA-256, as Git LFS does.
`Hub.failures` says which requests fail, and how.
"""

import base64
import hashlib
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

TOKEN = "hf_right"
LARGE = (".safetensors",)
"""Files that the server takes by Git LFS; all others are in the commit itself."""


def git_digest(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


class Repository:
    def __init__(self, private: bool):
        self.private = private
        self.commits: list[tuple[str, dict[str, bytes]]] = []
        self.commit({})

    def commit(self, files: dict[str, bytes]) -> str:
        names = json.dumps([(name, git_digest(content)) for name, content in sorted(files.items())])
        self.commits.append((hashlib.sha1(f"{len(self.commits)}{names}".encode()).hexdigest(), files))
        return self.commits[-1][0]

    def files(self, revision: str = "main") -> dict[str, bytes] | None:
        """Return the files of a commit, or None if there is no such commit."""
        return dict(self.commits)[revision] if revision in dict(self.commits) else (
            self.commits[-1][1] if revision == "main" else None)  # fmt: skip

    def sha(self, revision: str) -> str:
        return self.commits[-1][0] if revision == "main" else revision


class Hub:
    """The state of the server.

    repositories  by name
    objects       large files by SHA-256
    requests      (method, path) of every request
    failures      a method and a pattern of paths, and what happens: a status, "drop" (the connection is closed without
                  an answer), "cut" (after half of the content), or "garble" (bytes of the content change)
    """

    def __init__(self):
        self.repositories: dict[str, Repository] = {}
        self.objects: dict[str, bytes] = {}
        self.requests: list[tuple[str, str]] = []
        self.failures: dict[tuple[str, str], int | str] = {}
        self.url = ""

    def failure(self, method: str, path: str) -> int | str | None:
        found = [how for (verb, pattern), how in self.failures.items() if verb == method and re.search(pattern, path)]
        return found[0] if found else None

    def latest(self, name: str) -> dict[str, bytes]:
        files = self.repositories[name].files()
        assert files is not None
        return files


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # which would delay every answer by 40 ms
    hub: Hub

    def log_message(self, *arguments):
        """Print nothing."""

    def _answer(self):
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append((self.command, path))
        body = self._body()
        how = self.hub.failure(self.command, path)
        if how == "drop":
            self.close_connection = True
            self.connection.close()
        elif isinstance(how, int):
            self._send_json({"error": f"refused with {how}"}, how)
        else:
            self._route(path, body, how)

    do_GET = do_POST = do_PUT = do_HEAD = _answer  # noqa: N815 - the names of http.server

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _send_json(self, content, status: int = 200, code: str = ""):
        self._send(json.dumps(content).encode(), status, {"X-Error-Code": code} if code else {})

    def _send(self, content: bytes, status: int = 200, headers=(), how: str | None = None):
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if how == "garble":
            content = content[:-1] + bytes([content[-1] ^ 1])
        if how == "cut":
            self.close_connection = True
            content = content[: len(content) // 2]
        self.wfile.write(content)

    @property
    def _authorized(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _route(self, path: str, body: bytes, how: str | None):
        name = r"(?P<name>[^/]+/[^/]+)"
        for pattern, answer in {
            "/api/repos/create": self._create,
            "/api/validate-yaml": self._validate,
            rf"/api/models/{name}(/revision/(?P<revision>[^/]+))?": self._info,
            rf"/api/models/{name}/tree/(?P<revision>[^/]+)": self._tree,
            rf"/api/models/{name}/preupload/[^/]+": self._preupload,
            rf"/api/models/{name}/commit/[^/]+": self._commit,
            rf"/{name}\.git/info/lfs/objects/batch": self._batch,
            r"/objects/(?P<digest>[0-9a-f]{64})": self._store,
            rf"/{name}/resolve/(?P<revision>[^/]+)/(?P<file>.+)": self._resolve,
        }.items():
            if found := re.fullmatch(pattern, path):
                answer(body, how, **found.groupdict())
                return
        self._send_json({"error": f"the stand-in does not know {self.command} {path}"}, 501)

    def _repository(self, name: str, *, write: bool = False) -> Repository | None:
        """Return a repository, or answer as the Hub does if there is none, or none for this token."""
        found = self.hub.repositories.get(name)
        if found is None or ((found.private or write) and not self._authorized):
            self._send_json({"error": "Repository not found"}, 404 if self._authorized else 401, "RepoNotFound")
            return None
        return found

    def _create(self, body, how):
        if not self._authorized:
            self._send_json({"error": "Invalid username or password."}, 401)
            return
        asked = json.loads(body)
        name = f"{asked['organization']}/{asked['name']}"
        if name in self.hub.repositories:
            self._send_json({"error": "You already created this model repo", "url": f"{self.hub.url}/{name}"}, 409)
            return
        private = asked.get("private") is True or asked.get("visibility") == "private"
        self.hub.repositories[name] = Repository(private)
        self._send_json({"url": f"{self.hub.url}/{name}"})

    def _validate(self, body, how):
        self._send_json({"errors": [], "warnings": []})

    def _info(self, body, how, name, revision=None):
        if repository := self._repository(name):
            files = repository.files(revision or "main")
            if files is None:
                self._send_json({"error": "Invalid rev id"}, 404, "RevisionNotFound")
                return
            siblings = [{"rfilename": file} for file in files]
            sha = repository.sha(revision or "main")
            self._send_json({"id": name, "modelId": name, "sha": sha, "siblings": siblings, "tags": [],
                             "private": repository.private, "downloads": 0, "likes": 0})  # fmt: skip

    def _tree(self, body, how, name, revision):
        if repository := self._repository(name):
            entries = []
            for path, content in (repository.files(revision) or {}).items():
                entry = {"type": "file", "path": path, "size": len(content), "oid": git_digest(content)}
                if path.endswith(LARGE):
                    digest = hashlib.sha256(content).hexdigest()
                    entry["lfs"] = {"oid": digest, "size": len(content), "pointerSize": 134}
                entries.append(entry)
            self._send_json(entries)

    def _preupload(self, body, how, name):
        if self._repository(name, write=True):
            files = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith(LARGE) else "regular",
                    "shouldIgnore": False,
                }
                for file in json.loads(body)["files"]
            ]
            self._send_json({"files": files})

    def _batch(self, body, how, name):
        if self._repository(name, write=True):
            objects = [
                {**asked, "actions": {"upload": {"href": f"{self.hub.url}/objects/{asked['oid']}", "header": {}}}}
                for asked in json.loads(body)["objects"]
            ]
            self._send_json({"transfer": "basic", "objects": objects})

    def _store(self, body, how, digest):
        if hashlib.sha256(body).hexdigest() != digest:
            self._send_json({"error": "the content has another digest"}, 400)
            return
        self.hub.objects[digest] = body
        self._send(b"")

    def _commit(self, body, how, name):
        repository = self._repository(name, write=True)
        if repository is None:
            return
        files = dict(self.hub.latest(name))
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self.hub.objects[value["oid"]]
            elif entry["key"] == "deletedFile":
                del files[value["path"]]
        sha = repository.commit(files)
        self._send_json({"commitUrl": f"{self.hub.url}/{name}/commit/{sha}", "commitOid": sha, "success": True})

    def _resolve(self, body, how, name, revision, file):
        repository = self._repository(name)
        if repository is None:
            return
        files = repository.files(revision)
        if files is None or file not in files:
            code = "EntryNotFound" if files is not None else "RevisionNotFound"
            self._send_json({"error": "not found"}, 404, code)
            return
        content = files[file]
        digest = hashlib.sha256(content).hexdigest() if file.endswith(LARGE) else git_digest(content)
        headers = {"X-Repo-Commit": repository.sha(revision), "ETag": f'"{digest}"', "Accept-Ranges": "bytes"}
        status = 200
        if (asked := self.headers.get("Range")) and (start := re.fullmatch(r"bytes=(\d+)-", asked)):
            first = int(start[1])
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
            content, status = content[first:], 206
        self._send(content, status, headers, how)


@contextmanager
def running():
    """Run the server on a free port of this machine; the value is its `Hub`."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
