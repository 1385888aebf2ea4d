"""The commands that a standalone mesh adds to the `reelmesh` command line."""
