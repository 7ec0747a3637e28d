"""Compares two files of float32 values: the share of equal bits and the greatest difference."""

import math
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any

numpy: Any
try:
    import numpy
except ModuleNotFoundError:
    numpy = None

TOLERANCE = 2e-6
CHUNK = 1 << 22


@dataclass(frozen=True)
class Comparison:
    """How an implementation's parameters compare with ours after the same steps."""

    equal_share: float
    greatest_difference: float
    by_design: str = ""
    exact: bool = False

    @property
    def differs(self) -> bool:
        if self.exact:
            return self.equal_share < 1
        return not self.by_design and self.greatest_difference > TOLERANCE

    def __str__(self) -> str:
        if self.by_design:
            return self.by_design
        if self.differs:
            return f"DIFFERS: {self.greatest_difference:.1e}, {self.equal_share:.1%} bit-equal"
        if self.equal_share == 1:
            return "ok, bit-equal"
        return f"ok, {self.greatest_difference:.0e}, {self.equal_share:.1%} bit-equal"


def compare(path: Path, reference: Path, by_design: str = "", exact: bool = False) -> Comparison:
    size = reference.stat().st_size
    if path.stat().st_size != size or size == 0:
        return Comparison(0, math.inf, exact=exact)
    equal, greatest = 0, 0.0
    with path.open("rb") as left, reference.open("rb") as right:
        while chunk := left.read(CHUNK):
            other = right.read(CHUNK)
            if chunk == other:
                equal += len(chunk) // 4
            else:
                same, difference = (compare_slowly if numpy is None else compare_fast)(chunk, other)
                equal += same
                greatest = max(greatest, difference)
    return Comparison(equal / (size // 4), greatest, by_design, exact)


def compare_fast(left: bytes, right: bytes) -> tuple[int, float]:
    equal = int((numpy.frombuffer(left, "<u4") == numpy.frombuffer(right, "<u4")).sum())
    difference = numpy.abs(numpy.frombuffer(left, "<f4").astype("f8") - numpy.frombuffer(right, "<f4"))
    return equal, float(numpy.nan_to_num(difference, nan=math.inf, posinf=math.inf).max())


def compare_slowly(left: bytes, right: bytes) -> tuple[int, float]:
    equal = sum(map(int.__eq__, array("I", left), array("I", right)))
    differences = (abs(a - b) for a, b in zip(array("f", left), array("f", right)))
    return equal, max(math.inf if math.isnan(difference) else difference for difference in differences)
