"""Gemini Omni by the Interactions API."""
