"""Benchmarks for the figures in docs/performance.md: `make bench`, or `python -m benchmarks`.

Each module measures one thing and yields figures; none of them is a test, because a busy machine must
not fail a build. They need Linux: peak memory and CPU time are read from /proc.
"""
