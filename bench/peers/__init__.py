"""Other systems that do the same work, measured on the same machine in the same run."""
