"""What storage does: store, serve, keep, remove, sweep."""
