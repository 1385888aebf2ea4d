"""The workers of the benchmarks as a service of their own: a provider, a media worker and a storage that cost nothing.

They speak the real protocol over gRPC and take real tasks from JetStream; only what a vendor, ffmpeg or a disk would do
is left out.
"""
