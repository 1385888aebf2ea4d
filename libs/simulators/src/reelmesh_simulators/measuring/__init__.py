"""Measures what a gateway makes of requests when its vendors go wrong: how often it pays, and how often it delivers."""
