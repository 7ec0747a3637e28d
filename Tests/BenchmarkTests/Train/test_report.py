"""The tables and the JSON of a run in which one contender failed and another was not measured."""

import json
import tempfile
import unittest
from pathlib import Path

import made
from made import result, row
from step.results import Spread
from train import report
from train.cases import CHANNELS_LAST, CONTIGUOUS, OURS
from train.results import CaseResult, Part

PARTS = [Part("conv1 convolution", 0.5, 4e9), Part("fc1 inner product", 0.25, 2e9), Part("loss", 0.25, 0)]


def measured() -> CaseResult:
    found = result(
        row(OURS, 1, 2, peak_bytes=50_400_000, losses=[2.5]), row(CONTIGUOUS, 2, 8, peak_bytes=100_000_000),
        row(CHANNELS_LAST, failure="died at step (signal 9)"),
    )  # fmt: skip
    found.parts, found.matrix_product = PARTS, {0: 12e9, 1: 12e9}
    return found


class Speed(unittest.TestCase):
    def test_rows(self):
        table = report.speed_table(made.run(measured()))
        self.assertEqual(
            table.rows,
            [
                [
                    "lenet/28x28x1, 2 threads", "convtrain", "96.0 [80.0, 112.0]", "", "50",
                    "0.38 [0.31, 0.44]",
                ],
                [
                    "lenet/28x28x1, 2 threads", "torch, contiguous", "40.0 [28.0, 52.0]", "3.00 [2.50, 3.50]", "100",
                    "0.16 [0.11, 0.20]",
                ],
                ["lenet/28x28x1, 2 threads", "torch, channels_last", "failed: died at step (signal 9)", "", "", ""],
            ],
        )  # fmt: skip
        self.assertTrue(all(len(line) == len(table.columns) for line in table.rows))

    def test_a_failure_counts_more_than_times(self):
        found = result(row(OURS, 1, failure="no answer"), row(CONTIGUOUS))
        ours, torch = report.speed_table(made.run(found)).rows
        self.assertEqual(ours[2:], ["failed: no answer", "", "", ""])
        self.assertEqual(torch[2:], ["not measured", "", "", ""])

    def test_numbers(self):
        self.assertEqual(report.whole(Spread(1234.5, 999.4, 2000)), "1,234 [999, 2,000]")
        self.assertEqual(report.whole(Spread(100, 1, 2)), "100 [1, 2]")
        self.assertEqual(report.whole(Spread(99.94, 1, 2)), "99.9 [1.0, 2.0]")
        self.assertEqual(report.ratio(Spread(1.005, 0.994, 12)), "1.00 [0.99, 12.00]")
        self.assertEqual((report.whole(None), report.ratio(None)), ("", ""))
        self.assertEqual(report.name(result(threads=1)), "lenet/28x28x1, 1 thread")


class OtherTables(unittest.TestCase):
    def test_shares(self):
        table = report.share_table(made.run(measured(), result(row(OURS, 1))))
        self.assertEqual(len(table.rows), 1)
        found = dict(zip(table.columns, table.rows[0], strict=True))
        self.assertEqual(found.pop("case"), "lenet/28x28x1, 2 threads")
        # 6e9 operations in the 0.75 s of the parts that have products.
        self.assertEqual(found.pop("products, GFLOP/s"), "8")
        self.assertEqual(found.pop("matrix product, GFLOP/s"), "12")
        self.assertEqual(
            {kind: share for kind, share in found.items() if share != "0.0"},
            {"conv forward, %": "50.0", "dense, %": "25.0", "elementwise, %": "25.0"},
        )

    def test_shares_without_products(self):
        found = result(row(OURS, 1))
        found.parts = [Part("loss", 1, 0)]
        self.assertEqual(report.share_table(made.run(found)).rows[0][-2:], ["", ""])

    def test_targets(self):
        rows = report.target_table(made.run(measured())).rows
        self.assertEqual(
            [line[1:] for line in rows],
            [
                ["images/s over the better torch", "≥ 1.9", "3.00", "met"],
                ["peak memory over that torch's", "≤ 0.6", "0.50", "met"],
            ],
        )
        slow = result(row(OURS, 2), row(CONTIGUOUS, 3))
        rows = report.target_table(made.run(slow)).rows
        self.assertEqual([line[3:] for line in rows], [["1.50", "MISSED"], ["", "not measured"]])

    def test_machine(self):
        cells = dict(report.environment_table(made.run()).rows)
        self.assertEqual(cells["processor"], "a processor, 2 cores to use, instructions: native")
        self.assertIn("load average 0.10, 0.25, 0.50", cells["before the run"])
        self.assertEqual(cells["versions"], "convtrain 1.0")


class Whole(unittest.TestCase):
    def test_what_is_left_out(self):
        titles = [table.title for table in report.tables(made.run(result(row(OURS, 1))))]
        self.assertEqual(titles, ["Training", "Targets", "Machine"])
        titles = [table.title for table in report.tables(made.run(measured()))]
        self.assertEqual(titles, ["Training", "Where the time of our steps goes", "Targets", "Machine"])

    def test_text_and_markdown(self):
        run = made.run(measured())
        for said in (report.text(run), report.markdown(run)):
            self.assertIn("Medians over 9 rounds", said)
            self.assertIn("failed: died at step (signal 9)", said)
            self.assertNotIn("WARNING", said)
        self.assertIn("\n### Training\n\n| case | contender |", report.markdown(run))

    def test_a_busy_machine_is_said(self):
        for make in (report.text, report.markdown):
            self.assertIn("WARNING: others used the machine", make(made.run(load=0.51)))
            self.assertNotIn("WARNING", make(made.run(load=0.5)))

    def test_json(self):
        run = made.run(measured())
        with tempfile.TemporaryDirectory() as folder:
            paths = Path(folder, "deep", "deeper", "train.json"), Path(folder, "train.md")
            report.write(run, *paths)
            found = json.loads(paths[0].read_text(encoding="utf-8"))
            self.assertEqual(paths[1].read_text(encoding="utf-8"), report.markdown(run))
        self.assertEqual((found["rounds"], found["instructions"]), (9, "native"))
        (case,) = found["cases"]
        self.assertEqual((case["case"], case["threads"], case["batch"]), ("lenet/28x28x1", 2, 128))
        self.assertEqual(
            case["contenders"][0],
            {
                "name": "convtrain", "seconds_per_step_by_round": {"0": 1, "1": 2}, "losses": [2.5],
                "peak_bytes": 50_400_000, "failure": "",
            },
        )  # fmt: skip
        self.assertEqual(case["contenders"][2]["failure"], "died at step (signal 9)")
        self.assertEqual(case["parts"][0], {"name": "conv1 convolution", "seconds": 0.5, "products": 4e9})
        self.assertEqual([target["met"] for target in case["targets"]], [True, True])


if __name__ == "__main__":
    unittest.main()
