"""Thousands of generations in flight in one worker; `python -m bench.inflight` measures."""
