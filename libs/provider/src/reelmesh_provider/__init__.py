"""What a provider is, and the worker that serves one."""
