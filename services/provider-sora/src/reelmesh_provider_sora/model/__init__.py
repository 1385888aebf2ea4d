"""Decisions about lists; pure."""
