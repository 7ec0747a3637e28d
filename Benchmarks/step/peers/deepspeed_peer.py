"""DeepSpeed's CPUAdam, whose C++ is compiled when this module is imported (needs g++ and ninja)."""

import deepspeed
from deepspeed.ops.adam import DeepSpeedCPUAdam
from deepspeed.ops.op_builder import CPUAdamBuilder

from step.peers.serve import Case
from step.peers.torch_model import TorchModel, adam_arguments

CPUAdamBuilder().load()

VERSION = deepspeed.__version__
IMPLEMENTATIONS = ("CPUAdam",)


def prepare(implementation: str, case: Case) -> TorchModel:
    decoupled = case["optimizer"] == "adamw"
    return TorchModel(
        case, lambda parameters: DeepSpeedCPUAdam(parameters, **adam_arguments(case), adamw_mode=decoupled)
    )
