"""A PostgreSQL client of a few lines: SCRAM-SHA-256, a query's SQLSTATE, and raw bytes at any point of the way in."""

import base64
import hashlib
import hmac
import os
import re
import socket
import struct

SECONDS_MAX = 15


def message(kind, body):
    return kind + struct.pack(">I", len(body) + 4) + body


class Client:
    """`far`: "" connects, "named" sends the user's name, "in" logs in."""

    def __init__(self, port, user, password, far="in"):
        self.socket = socket.create_connection(("127.0.0.1", port), SECONDS_MAX)
        if far:
            body = struct.pack(">I", 196608) + b"user\0" + user.encode() + b"\0database\0plimsoll\0\0"
            self.socket.sendall(struct.pack(">I", len(body) + 4) + body)
        if far == "in":
            self.log_in(password)

    def exactly(self, count):
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise ConnectionError("closed")
            data += part
        return data

    def receive(self):
        kind = self.exactly(1)
        return kind, self.exactly(struct.unpack(">I", self.exactly(4))[0] - 4)

    def log_in(self, password):
        nonce = base64.b64encode(os.urandom(12)).decode()
        bare = f"n=,r={nonce}"
        self.receive()  # AuthenticationSASL
        first = b"n,," + bare.encode()
        self.socket.sendall(message(b"p", b"SCRAM-SHA-256\0" + struct.pack(">I", len(first)) + first))
        _, body = self.receive()
        server = body[4:].decode()
        fields = dict(part.split("=", 1) for part in server.split(","))
        salted = hashlib.pbkdf2_hmac("sha256", password, base64.b64decode(fields["s"]), int(fields["i"]))
        key = hmac.new(salted, b"Client Key", hashlib.sha256).digest()
        last = f"c=biws,r={fields['r']}"
        proof = hmac.new(hashlib.sha256(key).digest(), f"{bare},{server},{last}".encode(), hashlib.sha256).digest()
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, proof))).decode()
        self.socket.sendall(message(b"p", f"{last},p={proof}".encode()))
        while self.receive()[0] != b"Z":
            pass

    def query(self, text):
        """The SQLSTATE, "00000" if there is no error."""
        self.socket.settimeout(SECONDS_MAX)
        state = "00000"
        try:
            self.socket.sendall(message(b"Q", text.encode() + b"\0"))
            while True:
                kind, body = self.receive()
                if kind == b"E" and state == "00000":
                    state = re.search(rb"C(\w{5})\0", body)[1].decode()
                if kind == b"Z":
                    return state
        except TimeoutError:
            return "no answer"
        except OSError:
            return state if state != "00000" else "closed"

    def send_and_listen(self, data):
        """All that comes until the end; None if the connection stays open."""
        self.socket.settimeout(SECONDS_MAX)
        said = b""
        try:
            self.socket.sendall(data)
        except OSError:
            pass
        try:
            while part := self.socket.recv(65536):
                said += part
        except TimeoutError:
            return None
        except OSError:
            pass
        self.socket.close()
        return said.decode("latin-1")

    def close(self):
        self.socket.close()
