"""The inbound edge: gRPC messages in, verbs called, messages out."""
