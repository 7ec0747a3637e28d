#!/usr/bin/env python3
"""A loopback server with a bad temper, for the tests of fetching.

    python3 server.py CONTENT_FOLDER

Prints its port, serves the folder's files under a first path component that says how, and ends when its standard
input does. Every request is written to standard error: path, Range, If-Range.
"""

import http.server
import pathlib
import socketserver
import sys
import threading
import time

FOLDER = pathlib.Path(sys.argv[1])
SEEN: dict[str, int] = {}


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers GET."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments) -> None:
        """The test reads a log of its own."""

    def do_GET(self) -> None:
        """Sends a file, whole, in part, or not at all."""
        mode, name = self.path.strip("/").split("/")
        number = SEEN[self.path] = SEEN.get(self.path, 0) + 1
        wanted = self.headers.get("Range")
        condition = self.headers.get("If-Range")
        print(self.path, wanted, condition, file=sys.stderr, flush=True)
        if mode == "missing":
            return self.send_error(404)
        data = (FOLDER / name).read_bytes()
        tag = '"one"'
        if mode == "wrong":
            data = bytes(len(data))
        if mode == "changes" and number == 1:
            data, tag = bytes(len(data)), '"zero"'
        if mode == "slow":
            time.sleep(0.5)
        if mode == "endless":
            data += bytes(50_000_000)
        start = 0
        if wanted and mode != "norange" and condition in (None, tag):
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        self.send_response(206 if start else 200)
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(data) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        rest = data[start:]
        if mode in ("cut", "norange", "changes") and number == 1 or mode == "alwayscut":
            # Everything that is sent arrives; the rest does not.
            self.wfile.write(rest[:len(rest) // 2])
            self.wfile.flush()
            self.close_connection = True
            return None
        if mode == "stall":
            time.sleep(30)
        try:
            self.wfile.write(rest)
        except OSError:
            self.close_connection = True
        return None


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Unlike http.server's own, it asks no name service for the name of its address."""

    daemon_threads = True


server = Server(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
