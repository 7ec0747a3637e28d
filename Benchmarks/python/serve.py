"""The worker of optplug.torch: as step.peers.serve, and answers how much of a step lies outside the library.

Usage: python -m python.serve --threads 2
"""

import argparse
import os
import sys
from typing import Any

from step.peers.serve import Peer, Reply, Server, serve


class OptplugServer(Server):
    def load(self) -> Peer:
        if self.peer is None:
            from python import peer

            self.peer = peer
        return self.peer

    def answer(self, request: dict[str, Any]) -> Reply:
        if request["do"] == "step inside":
            from python.peer import step_inside

            return step_inside(self.prepared[request["id"]], request["count"])
        return super().answer(request)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, required=True)
    os.environ["OMP_NUM_THREADS"] = str(parser.parse_args().threads)
    # What a library prints must not get between the answers, so its standard output is the log.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(OptplugServer("ours"), sys.stdin, answers)


if __name__ == "__main__":
    main()
