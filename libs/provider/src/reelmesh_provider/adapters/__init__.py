"""The worker's outbound edges: the mesh by gRPC, the journal on disk."""
