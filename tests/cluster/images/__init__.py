"""Images of what the chart runs, made without a registry: ours from our Dockerfile, and the servers of a trial."""
