"""The parameters and gradients that every implementation starts from, exact in float32."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

CHUNK = 1 << 20
PARAMETER_FACTOR = np.uint32(2_654_435_761)
GRADIENT_FACTOR = np.uint32(2_246_822_519)


def fill_parameters(out: Floats, first: int) -> None:
    """Parameters number first, first + 1, ... as values in [-0.5, 0.5)."""
    fill(out, first, PARAMETER_FACTOR, 1.0)


def fill_gradients(out: Floats, first: int) -> None:
    """Gradients of the same parameters, 64 times smaller; the same at every step."""
    fill(out, first + 1, GRADIENT_FACTOR, 1 / 64)


def fill(out: Floats, first: int, factor: np.uint32, scale: float) -> None:
    """Spreads 24 bits of (index * factor) mod 2^32 over [-0.5, 0.5) * scale; in chunks, to stay within the cache."""
    for start in range(0, out.size, CHUNK):
        part = out[start : start + CHUNK]
        index = np.arange(first + start, first + start + part.size, dtype=np.uint64).astype(np.uint32)
        part[:] = (index * factor) >> np.uint32(8)
        part *= np.float32(2**-24)
        part -= np.float32(0.5)
        part *= np.float32(scale)
