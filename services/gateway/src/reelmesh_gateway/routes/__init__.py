"""The HTTP edge: paths, bodies and headers on one side, the same verbs as the gRPC front on the other."""
