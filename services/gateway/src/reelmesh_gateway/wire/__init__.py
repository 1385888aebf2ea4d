"""Translation between JSON, the public protos and our own words. Pure."""
