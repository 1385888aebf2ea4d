"""The gRPC edge: the public services, each call let in by its API key."""
