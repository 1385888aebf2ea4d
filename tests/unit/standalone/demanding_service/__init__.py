"""A provider that cannot run without its key."""
