"""A vendor's REST interface on this machine, which answers with the fixtures' bodies.

A path that no answer was given for is a 404 and is noted: a poller that asks for more than it was given is seen.
"""

import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Stub:
    """`answers` maps a path to its JSON, or to a function from the query's parameters to it. Lists are told page by page."""

    def __init__(self, answers):
        self.answers, self.absent = answers, []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                status, headers, body = stub.answer(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, target):
        path, _, query = target.partition("?")
        parameters = dict(urllib.parse.parse_qsl(query))
        if path not in self.answers:
            self.absent.append(path)
            return 404, {}, b'{"message": "Not Found"}'
        said, headers = self.answers[path], {}
        if callable(said):
            said = said(parameters)
        if isinstance(said, list):
            size, page = int(parameters.get("per_page", 30)), int(parameters.get("page", 1))
            if len(said) > page * size:
                more = urllib.parse.urlencode({**parameters, "page": page + 1})
                headers["Link"] = f'<{self.url}{path}?{more}>; rel="next"'
            said = said[(page - 1) * size : page * size]
        return 200, headers, json.dumps(said).encode()


def changed_since(items, name):
    """A list in order of last change, from the moment on that the parameter `name` tells."""

    def answer(parameters):
        since = parameters.get(name, "")
        return sorted((item for item in items if item["updated_at"] >= since), key=lambda item: item["updated_at"])

    return answer
