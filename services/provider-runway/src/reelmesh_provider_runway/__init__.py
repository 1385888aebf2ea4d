"""Runway's tasks."""
