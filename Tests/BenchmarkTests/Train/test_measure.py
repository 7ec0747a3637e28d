"""Whose turn it is and what a failure leaves, with workers that only say they worked."""

import tempfile
import unittest
from pathlib import Path
from unittest import mock

from made import result, row
from step.worker import Refused, WorkerFailed
from train import measure
from train.cases import CHANNELS_LAST, CONTIGUOUS, CONTENDERS, OURS
from train.results import CaseResult, Row


class FakeWorker:
    """Answers at once, and fails from its request number `fails` on."""

    def __init__(self, name: str, log: list[tuple[str, str]], seconds: float = 1.0, fails: int = 1000) -> None:
        self.name, self.log, self.seconds, self.fails = name, log, seconds, fails
        self.requests: list[dict] = []

    def ask(self, request: dict, timeout: float) -> dict:
        self.requests.append(request)
        self.log.append((self.name, request["do"]))
        if len(self.requests) > self.fails:
            raise WorkerFailed(f"{self.name} died")
        if request["do"] == "losses" and self.name == CONTIGUOUS.name:
            Path(request["path"]).write_bytes(b"start values")
        return {
            "prepare": {"id": 7}, "step": {"seconds": self.seconds * request.get("count", 1)},
            "losses": {"losses": [2.0]}, "matrix product": {"per_second": 5.0},
        }[request["do"]]  # fmt: skip


class Measured(unittest.TestCase):
    def setUp(self) -> None:
        self.log: list[tuple[str, str]] = []
        self.result = result(*map(row, CONTENDERS))
        self.workers = {each: FakeWorker(each.name, self.log) for each in CONTENDERS}
        pause = mock.patch.object(measure, "PAUSE_SECONDS", 0)
        pause.start()
        self.addCleanup(pause.stop)

    def train(self, rounds: int) -> CaseResult:
        measure.train(self.result, self.workers, rounds)
        return self.result

    def check(self) -> CaseResult:
        with tempfile.TemporaryDirectory() as folder:
            measure.check(self.result, self.workers, Path(folder))
            self.assertEqual(list(Path(folder).iterdir()), [])
        return self.result


class Turns(Measured):
    def test_everyone_begins_a_round_in_turn(self):
        found = self.train(3)
        # After what all did to warm up.
        turns = [name for name, what in self.log[9:] if what == "step"]
        order = [each.name for each in CONTENDERS]
        self.assertEqual(turns, order + order[1:] + order[:1] + order[2:] + order[:2])
        self.assertEqual([list(each.seconds) for each in found.rows.values()], [[0, 1, 2]] * 3)
        self.assertEqual(found.matrix_product, {0: 5.0, 1: 5.0, 2: 5.0})

    def test_short_steps_are_taken_together(self):
        self.workers[OURS].seconds = 0.15
        found = self.train(1)
        self.assertEqual(self.workers[OURS].requests[-1], {"do": "step", "id": 7, "count": 4})
        self.assertAlmostEqual(found.ours.seconds[0], 0.15)
        self.assertEqual(self.workers[CONTIGUOUS].requests[-2]["count"], 1)

    def test_who_fails_is_left_out_from_there_on(self):
        # Prepares, warms up twice, takes one turn.
        self.workers[CHANNELS_LAST].fails = 4
        found = self.train(3)
        failed = found.rows[CHANNELS_LAST]
        self.assertEqual((list(failed.seconds), failed.failure), ([0], "torch, channels_last died"))
        self.assertEqual(len(self.workers[CHANNELS_LAST].requests), 5)
        self.assertEqual(list(found.ours.seconds), [0, 1, 2])

    def test_who_has_failed_is_not_asked(self):
        self.result.rows[CONTIGUOUS].failure = "no torch"
        found = self.train(2)
        self.assertEqual(self.workers[CONTIGUOUS].requests, [])
        self.assertEqual(found.matrix_product, {})
        self.assertEqual([each.contender for _, each in measure.active(found)], [OURS, CHANNELS_LAST])


class Losses(Measured):
    def test_torch_makes_the_start_values_first(self):
        found = self.check()
        self.assertEqual(self.log[0], (CONTIGUOUS.name, "losses"))
        self.assertEqual([each.losses for each in found.rows.values()], [[2.0]] * 3)
        request = self.workers[OURS].requests[0]
        self.assertEqual((request["count"], request["case"]["batch"]), (4, 16))

    def test_without_start_values_ours_is_not_compared(self):
        self.workers[CONTIGUOUS].fails = 0
        found = self.check()
        self.assertEqual(self.workers[OURS].requests, [])
        self.assertEqual((found.ours.losses, found.ours.failure), ([], ""))


class Failures(unittest.TestCase):
    def test_what_becomes_a_reason(self):
        for error in (OSError("no file"), Refused("no network"), WorkerFailed("died")):
            noted = Row(OURS)
            with measure.noting(noted):
                raise error
            self.assertEqual(noted.failure, str(error))
        with self.assertRaises(KeyError), measure.noting(Row(OURS)):
            raise KeyError

    def test_a_profile_takes_two_seconds(self):
        self.assertEqual([measure.profile_steps(result(row(OURS, *seconds))) for seconds in
                          ([0.3, 0.5], [5], [0.001], [0], [])], [7, 1, 50, 50, 2])  # fmt: skip


if __name__ == "__main__":
    unittest.main()
