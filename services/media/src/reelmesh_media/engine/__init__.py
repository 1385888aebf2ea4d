"""Pixels and sound: synchronous, CPU-bound work on local files, made to run in worker processes that may be killed."""
