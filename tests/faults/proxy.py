"""A TCP proxy that a schedule can make slow, deaf or cruel, between the server and one broker."""

import socket
import struct
import threading
import time


class Proxy:
    """`mode` holds for open connections too: "pass", "delay", "drip", "swallow" (no answer comes back), "hang" (nothing
    goes either way); `reset` ends all connections with RST, and with `refuse` new ones are reset at once."""

    def __init__(self, port, target):
        self.target, self.mode, self.seconds, self.refuse = target, "pass", 0.3, False
        self.pairs, self.over = [], False
        self.listener = socket.create_server(("127.0.0.1", port))
        self.listener.settimeout(0.2)  # so that `close` is seen: a thread that waits in accept would keep the port
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while not self.over:
            try:
                client, _ = self.listener.accept()
            except TimeoutError:
                continue
            client.settimeout(None)
            if self.refuse:
                cut(client)
                continue
            try:
                broker = socket.create_connection(("127.0.0.1", self.target), 5)
            except OSError:
                cut(client)
                continue
            broker.settimeout(None)
            self.pairs.append((client, broker))
            for source, sink, back in ((client, broker, False), (broker, client, True)):
                threading.Thread(target=self.pump, args=(source, sink, back), daemon=True).start()

    def pump(self, source, sink, back):
        try:
            while data := source.recv(65536):
                while self.mode == "hang" and not self.over:
                    time.sleep(0.05)
                if self.mode == "swallow" and back:
                    continue
                if self.mode == "delay":
                    time.sleep(self.seconds)
                if self.mode == "drip":
                    self.drip(sink, data)
                else:
                    sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def drip(self, sink, data):
        while data and self.mode == "drip":
            sink.sendall(data[:200])
            data = data[200:]
            time.sleep(0.01)
        sink.sendall(data)

    def reset(self):
        pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for end in pair:
                cut(end)

    def close(self):
        self.over = True
        self.thread.join()
        self.listener.close()
        self.reset()


def cut(connection):
    """RST instead of FIN."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RD)
    except OSError:
        pass
    connection.close()
