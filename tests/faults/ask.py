"""One HTTP request with a deadline: the status, the headers and the body, or None where nothing answers."""

import http.client
import json
import socket


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def text(self):
        return self.body.decode("utf-8", "replace")


def ask(port, method, path, body=b"", headers=None, seconds_max=10.0):
    """The answer; raises OSError or http.client.HTTPException where there is none in time."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds_max)
    try:
        connection.request(method, path, body=body or None, headers=headers or {})
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def try_ask(*arguments, **named):
    """As `ask`, but None where nothing answers."""
    try:
        return ask(*arguments, **named)
    except (OSError, http.client.HTTPException):
        return None


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
