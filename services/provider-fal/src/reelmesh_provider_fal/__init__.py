"""fal.ai's queue."""
