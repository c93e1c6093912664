"""One hostile input of HTTP: what is sent, the statuses of which one must come back, and words of the answer."""

import base64
import hashlib
import hmac
import json
import time

SECRET = b"it is a secret"


class Http:
    """`body` may be text, bytes or something for JSON. `known`: why it is not as expected today."""

    def __init__(self, what, expect, path, body=b"", method=None, headers=(), words="", known="", seconds_max=15):
        self.what, self.path, self.words, self.known, self.seconds_max = what, path, words, known, seconds_max
        self.expect = {expect} if isinstance(expect, int) else set(expect)
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        self.body = body.encode() if isinstance(body, str) else body
        self.method = method or ("POST" if self.body else "GET")
        self.headers = list(headers.items()) if isinstance(headers, dict) else list(headers)

    def wire(self, port):
        names = {name.lower() for name, _ in self.headers}
        head = [] if "host" in names else [("Host", f"127.0.0.1:{port}")]
        head += self.headers + [("Connection", "close")]
        if not names & {"content-length", "transfer-encoding"} and (self.body or self.method == "POST"):
            head.append(("Content-Length", str(len(self.body))))
        lines = [f"{self.method} {self.path} HTTP/1.1"] + [f"{name}: {value}" for name, value in head]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + self.body


class Raw:
    """Bytes over a socket. `expect`: statuses, of which "closed" means that the connection ends without an answer."""

    def __init__(self, what, expect, data, seconds_max=15, known=""):
        self.what, self.data, self.seconds_max, self.known, self.words = what, data, seconds_max, known, ""
        self.expect = set(expect)

    def wire(self, port):
        return self.data.replace(b"PORT", str(port).encode())


def hub(body, secret=SECRET, hash=hashlib.sha256):
    return f"{hash().name}=" + hmac.new(secret, body, hash).hexdigest()


def standard(body, id="d", at=None, secret=SECRET):
    """The headers of standardwebhooks.com, which GitLab signs with."""
    at = str(int(time.time()) if at is None else at)
    signed = hmac.new(secret, f"{id}.{at}.".encode() + body, hashlib.sha256).digest()
    return {"webhook-id": id, "webhook-timestamp": at, "webhook-signature": "v1," + base64.b64encode(signed).decode()}
