"""A provider whose jobs never end, served by the worker that all providers share."""
