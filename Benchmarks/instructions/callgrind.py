"""Runs `stepbench kernel` under callgrind and reads what it counted."""

import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

PLUGINS = ("SGD", "Adam", "Lookahead")
MAGIC = b"OPTPLUG\0"
LEVELS = {0: "baseline", 2: "x86-64-v2", 3: "x86-64-v3", 4: "x86-64-v4"}
# Swift's objects come from malloc as well.
ALLOCATORS = {"malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc", "memalign", "mmap", "mmap64"}


class Unavailable(Exception):
    """Something that the measurement needs is missing; the message says how to get it."""


@dataclasses.dataclass(frozen=True)
class Count:
    """What one run of the program did, from its start to its end."""

    instructions: int
    allocations: int

    def __sub__(self, other):
        return Count(self.instructions - other.instructions, self.allocations - other.allocations)


class Program:
    """A copy of the build, without debug information: valgrind 3.19 cannot read that of Swift's compiler."""

    def __init__(self, build: pathlib.Path, folder: pathlib.Path):
        self.path = folder / "stepbench"
        self._folder = folder
        for tool, package in (("valgrind", "valgrind"), ("strip", "binutils")):
            if not shutil.which(tool):
                raise Unavailable(f"{tool} is not installed; install it (Debian: apt-get install {package})")
        files = [build / "stepbench"] + [build / f"lib{name}.so" for name in PLUGINS]
        for file in files:
            if not file.exists():
                products = " && ".join(
                    f"swift build -c release --product {name}" for name in ("stepbench", *PLUGINS))
                raise Unavailable(f"{file} is not there; build it first:\n  {products}")
        for file in files[1:]:
            shutil.copy(file, folder)
        subprocess.run(["strip", "--strip-debug", "-o", self.path, files[0]], check=True)

    @property
    def instruction_set(self) -> str:
        """What the plugins were compiled for, as the note in each says."""
        levels = set()
        for name in PLUGINS:
            data = (self._folder / f"lib{name}.so").read_bytes()
            notes = [data[m.end():m.end() + 16] for m in re.finditer(re.escape(MAGIC), data)]
            numbers = [[int.from_bytes(note[i:i + 4], "little") for i in (0, 4, 8, 12)] for note in notes]
            levels |= {level for major, _, _, level in numbers if major == 1 and level in LEVELS}
        if len(levels) != 1:
            raise Unavailable("the plugins were built for different machines or carry no note; rebuild them")
        machine = os.uname().machine
        return f"{machine} {LEVELS[levels.pop()]}" if machine == "x86_64" else machine

    def count(self, arguments: list[str]) -> Count:
        """Counts one run of `stepbench kernel`, start-up included."""
        with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".callgrind") as profile:
            command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile.name}"]
            command += [str(self.path), "kernel", *arguments]
            # The same hash seeds and places to look in for plugins, so that runs differ in the steps only.
            environment = {"SWIFT_DETERMINISTIC_HASHING": "1", "PATH": os.environ.get("PATH", "")}
            result = subprocess.run(command, env=environment, capture_output=True, text=True)
            if re.search(r"unhandled instruction|Unrecognised instruction", result.stderr):
                raise Unavailable(
                    "this valgrind does not know an instruction of the build; use a newer valgrind, or build "
                    "with OPTPLUG_MARCH=x86-64-v3, which has no AVX-512")
            if result.returncode != 0:
                tail = "\n".join(result.stderr.strip().splitlines()[-8:])
                words = " ".join(arguments)
                raise Unavailable(f"stepbench kernel {words} failed under valgrind:\n{tail}")
            return parse(pathlib.Path(profile.name).read_text())


def parse(profile: str) -> Count:
    """Sums a profile in callgrind's format."""
    total = re.search(r"^(?:totals|summary): (\d+)", profile, re.MULTILINE)
    if not total:
        raise Unavailable("callgrind left no totals; is this a version of valgrind before 3.15?")
    names: dict[str, str] = {}
    called = ""
    allocations = 0
    for line in profile.splitlines():
        if line.startswith(("fn=", "cfn=")):
            key, _, name = line.split("=", 1)[1].partition(" ")
            if name:
                names[key] = name
            called = names.get(key, "")
        elif line.startswith("calls="):
            # 'malloc'2' is malloc in a recursion.
            if called.split("'")[0].split("@")[0] in ALLOCATORS:
                allocations += int(line[len("calls="):].split()[0])
    return Count(int(total[1]), allocations)
