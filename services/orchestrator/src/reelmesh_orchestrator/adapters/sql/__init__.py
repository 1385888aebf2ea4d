"""The record in SQL."""
