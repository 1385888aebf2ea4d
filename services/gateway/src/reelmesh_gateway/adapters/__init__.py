"""The outbound edge: storage, media and the file that holds API keys."""
