"""The verbs of the gateway: letting callers in, keeping and serving bytes, watching without gaps."""
