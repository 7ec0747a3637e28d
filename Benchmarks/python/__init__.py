"""Measures `optimizer.step()` as a user of PyTorch calls it. What it has in common with the step benchmark is there."""
