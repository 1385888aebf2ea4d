"""The mesh on a virtual clock: real model, use cases, SQL and worker; everything around them comes from a seed."""
