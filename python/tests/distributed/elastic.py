"""Run by torchrun: saves after each step, dies once in one rank, and goes on from what was saved."""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import optplug.torch as optplug  # noqa: E402

from distributed.training import STEPS, network, train  # noqa: E402


def main(folder: Path) -> None:
    """Trains until all steps are done; `report.json` and `final.pt` tell how it went."""
    torch.set_num_threads(1)
    rank, restarts = int(os.environ["RANK"]), int(os.environ["TORCHELASTIC_RESTART_COUNT"])
    # A store for each attempt: in torchrun's own the ranks would find addresses of those that have ended.
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/store{restarts}", rank=rank, world_size=int(os.environ["WORLD_SIZE"]),
        timeout=timedelta(seconds=60),
    )  # fmt: skip
    model = network()
    wrapped = torch.nn.parallel.DistributedDataParallel(model)
    optimizer = optplug.Optimizer(wrapped.parameters(), "lookahead(k=4, adamw(lr=0.01))")
    checkpoint, begin = folder / "checkpoint.pt", 0
    if checkpoint.exists():
        saved = torch.load(checkpoint)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        begin = saved["step"]
    for step in range(begin, STEPS):
        train(wrapped, optimizer, rank, [step])
        if rank == 0:
            content = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1}
            torch.save(content, folder / "next.pt")
            (folder / "next.pt").replace(checkpoint)
        dist.barrier()
        if restarts == 0 and rank == 1 and step == STEPS // 2 - 1:
            os._exit(1)
    if rank == 0:
        torch.save(model.state_dict(), folder / "final.pt")
        (folder / "report.json").write_text(json.dumps({"restarts": restarts, "resumed_at": begin}))
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
