"""A worker: a child process that holds implementations and answers one line of JSON for each line it gets."""

import json
import os
import select
import subprocess
import time
from pathlib import Path
from typing import Any

Reply = dict[str, Any]


class WorkerFailed(Exception):
    """The worker is gone: it died, or took too long and was ended."""


class Refused(Exception):
    """The worker lives and says why it does not do what it was asked."""


class Worker:
    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self.log = log
        self.failure: str | None = None
        self.pending = b""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as errors:
            # A session of its own: Ctrl-C reaches us alone, and we end the workers.
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                start_new_session=True,
            )

    def ask(self, request: Reply, timeout: float) -> Reply:
        if self.failure is not None:
            raise WorkerFailed(self.failure)
        assert self.process.stdin
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
            reply = json.loads(self.read_line(timeout))
        except TimeoutError:
            self.fail(f"no answer to {request['do']} within {timeout:.0f} s")
        except (OSError, EOFError):
            self.fail(f"died at {request['do']}")
        except ValueError:
            self.fail("answered something that is not JSON")
        if not reply.get("ok"):
            raise Refused(str(reply.get("why", "no reason given")))
        return reply

    def read_line(self, timeout: float) -> bytes:
        assert self.process.stdout
        source = self.process.stdout.fileno()
        deadline = time.monotonic() + timeout
        while b"\n" not in self.pending:
            if not select.select([source], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise TimeoutError
            chunk = os.read(source, 1 << 16)
            if not chunk:
                raise EOFError
            self.pending += chunk
        line, self.pending = self.pending.split(b"\n", 1)
        return line

    def fail(self, what: str) -> None:
        self.end()
        self.failure = f"{what} ({self.ending()})"
        raise WorkerFailed(self.failure)

    def ending(self) -> str:
        """How the process ended, and the last thing it said."""
        status = self.process.returncode
        how = f"signal {-status}" if status and status < 0 else f"exit {status}"
        said = self.log.read_text(errors="replace").strip().splitlines()
        return f"{how}: {said[-1]}" if said else how

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            try:
                if stream:
                    stream.close()
            except OSError:
                pass

    def quit(self) -> None:
        """Lets the process end by itself, but not for long."""
        try:
            if self.failure is None and self.process.stdin:
                self.process.stdin.write(b'{"do":"quit"}\n')
                self.process.stdin.close()
                self.process.wait(timeout=5)
        except (OSError, subprocess.TimeoutExpired):
            pass
        self.end()
