"""The chassis of every service: process, settings, telemetry, rpc, bus, sql, errors, and ports for time and chance."""
