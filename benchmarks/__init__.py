"""Benchmarks: `make bench`, or `make bench ONLY=name` for one. Each prints JSON lines, a figure a line."""
