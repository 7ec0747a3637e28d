"""Benchmark of one optimizer step: OptPlug against a memory limit and against other libraries."""
