"""Keeps the bytes of assets and their index: written whole or not at all, read by owners only, swept in time."""
