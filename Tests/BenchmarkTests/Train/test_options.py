"""The command line: what is chosen, and what is refused with which words."""

import contextlib
import io
import unittest

from step.environment import cores
from train.cases import NETWORKS
from train.options import Options, parse


def refusal(*arguments: str) -> tuple[int, str]:
    """Exit status and message of wrong options."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            parse(list(arguments))
        except SystemExit as ending:
            return int(ending.code), said.getvalue()
    raise AssertionError(f"{arguments} are accepted")


def names(options: Options) -> list[str]:
    return [case.name for case in options.cases]


class Chosen(unittest.TestCase):
    def test_defaults(self):
        found = parse([])
        self.assertEqual(len(found.cases), 2 * len(NETWORKS))
        self.assertEqual((found.threads, found.rounds, found.profile), ([cores()], 9, True))
        self.assertEqual((found.instructions, found.json.name, found.markdown.name), ("native", "train.json", "train.md"))
        self.assertEqual({(case.optimizer.name, case.batch) for case in found.cases}, {("adam", 128)})

    def test_quick_leaves_out_slow_networks(self):
        found = parse(["--quick"])
        self.assertEqual(found.rounds, 3)
        self.assertEqual(
            {name.partition("/")[0] for name in names(found)},
            {"lenet", "baseline", "mlp", "alexnet", "efficientnet-lite0"},
        )
        self.assertEqual(parse(["--quick", "--rounds", "5"]).rounds, 5)
        # Unless they are asked for.
        self.assertEqual(names(parse(["--quick", "--only", "vgg16/32x32x3"])), ["vgg16/32x32x3"])

    def test_only(self):
        found = parse(["--only", "lenet", "--only", "mlp/32x32x3"])
        self.assertEqual(names(found), ["lenet/28x28x1", "lenet/32x32x3", "mlp/32x32x3"])

    def test_settings(self):
        found = parse(
            ["--optimizer", "sgd", "--batch", "64", "--threads", "1,1", "--no-profile", "--instructions", "avx2"]
            + ["--json", "a", "--markdown", "b", "--skip-build", "--skip-install", "--only", "mlp"]
        )
        self.assertEqual((found.threads, found.profile, found.instructions), ([1], False, "avx2"))
        self.assertEqual((str(found.json), str(found.markdown)), ("a", "b"))
        self.assertEqual({(case.optimizer.name, case.batch) for case in found.cases}, {("sgd", 64)})


class Refused(unittest.TestCase):
    def test_wrong_options(self):
        for arguments, words in [
            (["--only", "lanet"], "no case lanet; there are lenet/28x28x1,"),
            (["--only", "lenet/64x64x3"], "no case lenet/64x64x3"),
            (["--batch", "0"], "0 is not a positive whole number"),
            (["--batch", "4097"], "4097 is more than 4096"),
            (["--rounds", "-1"], "-1"),
            (["--rounds", "1.5"], "1.5 is not a positive whole number"),
            (["--threads", "1,x"], "x is not a positive whole number"),
            (["--threads", str(cores() + 1)], f"{cores() + 1} is more than the {cores()} cores"),
            (["--optimizer", "lamb"], "'lamb'"),
            (["--instructions", "sse"], "'sse'"),
            (["--fast"], "--fast"),
        ]:
            status, said = refusal(*arguments)
            self.assertEqual(status, 64, arguments)
            self.assertTrue(said.startswith("Benchmarks/run train: "), said)
            self.assertIn(words, said)
            self.assertIn("See Benchmarks/run train --help.", said)


if __name__ == "__main__":
    unittest.main()
