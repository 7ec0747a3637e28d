"""What a contender's process gets to see."""

import os
import unittest
from pathlib import Path
from unittest import mock

from train import crew
from train.cases import CHANNELS_LAST, CONTIGUOUS, OURS

INHERITED = {
    "HOME": "/home/someone", "OMP_NUM_THREADS": "9", "OMP_PLACES": "cores", "GOMP_SPINCOUNT": "9",
    "KMP_BLOCKTIME": "9", "MKL_NUM_THREADS": "9", "GLIBC_TUNABLES": "glibc.malloc.arena_max=9", "MALLOC_ARENA_MAX": "9",
    "DNNL_MAX_CPU_ISA": "SSE41", "ONEDNN_VERBOSE": "9", "ATEN_CPU_CAPABILITY": "default",
}  # fmt: skip


@mock.patch.dict(os.environ, INHERITED, clear=True)
class Environment(unittest.TestCase):
    def test_ours_gets_convtrains_settings(self):
        self.assertEqual(
            crew.environment(OURS, 2, "native"),
            {
                "HOME": "/home/someone", "OMP_NUM_THREADS": "2", "PYTHONPATH": str(crew.BENCHMARKS),
                "GOMP_SPINCOUNT": "1000", "OPTPLUG_PATH": str(crew.ROOT / ".build" / "release"),
            },
        )  # fmt: skip

    def test_torch_gets_the_count_and_the_allocator(self):
        for contender in (CONTIGUOUS, CHANNELS_LAST):
            self.assertEqual(
                crew.environment(contender, 1, "native"),
                {
                    "HOME": "/home/someone", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(crew.BENCHMARKS),
                    "GLIBC_TUNABLES": "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=17179869184",
                },
            )  # fmt: skip

    def test_fewer_instructions_are_for_all(self):
        for contender in (OURS, CONTIGUOUS):
            plain, fewer = (crew.environment(contender, 2, name) for name in ("native", "avx2"))
            self.assertEqual(
                dict(fewer.items() - plain.items()),
                {
                    "DNNL_MAX_CPU_ISA": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2",
                    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
                },
            )  # fmt: skip


class Start(unittest.TestCase):
    def test_commands(self):
        with mock.patch.object(crew, "Worker") as worker:
            crew.start(CHANNELS_LAST, 2, "native")
            command, environment, log = worker.call_args.args
            self.assertEqual(command[1:], ["-P", "-m", "train.torch_trainer", "channels_last", "--threads", "2"])
            self.assertEqual((environment["OMP_NUM_THREADS"], log.name), ("2", "train-channels-last.log"))
            with mock.patch.object(crew, "TRAINBENCH", Path(__file__)):
                crew.start(OURS, 2, "native")
            command, environment, log = worker.call_args.args
            self.assertEqual((command, log.name), ([__file__], "train-ours.log"))

    def test_what_is_not_built_is_named(self):
        with mock.patch.object(crew, "TRAINBENCH", Path(__file__).with_name("missing")):
            with self.assertRaisesRegex(FileNotFoundError, "swift build -c release --product trainbench"):
                crew.start(OURS, 1, "native")


if __name__ == "__main__":
    unittest.main()
