"""The verbs of the media service."""
