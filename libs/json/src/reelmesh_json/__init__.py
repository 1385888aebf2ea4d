"""The public messages as JSON, the same wherever they are printed."""
