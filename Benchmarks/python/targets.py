"""What the project promises of a step from Python, each promise with the measurement that decides it."""

from collections.abc import Callable

from step.cases import ADAM, ADAMW, LOOKAHEAD_5, SGD
from step.results import Run
from step.targets import Found, Target, ratio, threads

from python.calls import CallResult

MICROSECONDS = 150


def outside(calls: list[CallResult], *names: str) -> Callable[[Run], Found]:
    """Time outside the library's call, over the tensors of these names."""

    def measure(_: Run) -> Found:
        return [
            (f"{call.tensors.name}/{call.task.name}, {threads(call.threads)}", spread)
            for call in calls
            if call.tensors.name in names and (spread := call.microseconds_outside)
        ]

    return measure


def targets(calls: list[CallResult]) -> list[Target]:
    fused = ("torch fused", "ours")
    large = (("resnet18/sgd", SGD), ("resnet18/adam", ADAM), ("resnet18/adamw", ADAMW))
    small = (("small/adam", ADAM), ("small/adamw", ADAMW))
    lookahead = ratio("pytorch-optimizer over fused", "ours", ("resnet18/lookahead", LOOKAHEAD_5))
    return [
        Target("ResNet-18: faster than torch fused", 1.2, "×", ratio(*fused, *large), True),
        Target("10,000 x 64, Adam: faster than torch fused", 5, "×", ratio(*fused, *small), True),
        Target("10,000 x 64, SGD: faster than torch fused", 5, "×", ratio(*fused, ("small/sgd", SGD)), True),
        Target("Lookahead(Adam), k=5: faster than pytorch-optimizer", 1.4, "×", lookahead, True),
        Target("Python's part, 62 tensors of one element", MICROSECONDS, "µs", outside(calls, "dots")),
        Target("Python's part, ResNet-18's 62 tensors", MICROSECONDS, "µs", outside(calls, "resnet18")),
    ]
