"""Takes steps with the real NVRTC and the stand-in of the driver, which loads what it compiled but cannot run it.

Usage: real_compiler.py DRIVER NUMBER. Prints how many kernels were launched.
"""

import ctypes
import sys

import torch

driver = ctypes.CDLL(sys.argv[1])
driver.fake_share_memory()

from optplug.torch import AdamW, Lookahead, _gpu  # noqa: E402

_gpu.device_of = lambda parameters: torch.device("cpu")
_gpu.number_of = lambda device: int(sys.argv[2])
_gpu.current_stream = lambda device: 0
_gpu.is_capturing = lambda device: False

for dtype in (torch.float32, torch.bfloat16, torch.float16):
    parameter = torch.nn.Parameter(torch.ones(8, dtype=dtype))
    optimizer = Lookahead(AdamW([parameter]), k=2)
    for _ in range(2):
        parameter.grad = torch.ones_like(parameter)
        optimizer.step()
print(driver.fake_launches())
