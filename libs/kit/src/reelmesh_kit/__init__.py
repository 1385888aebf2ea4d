"""The chassis of every service: process, settings, telemetry, rpc, bus, sql, errors, and the ports for time and chance."""
