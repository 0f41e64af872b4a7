"""What the figures in docs/performance.md come from: `make bench`, or `python -m benchmarks`.

Each module measures one thing and yields figures; none of them is a test, for a busy machine must
not fail a build. They need Linux: peak memory and CPU time are read from /proc.
"""
