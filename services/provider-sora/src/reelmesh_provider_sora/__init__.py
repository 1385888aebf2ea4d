"""Servers that speak the OpenAI Videos dialect."""
