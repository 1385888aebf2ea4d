"""Vendors of AI video on the wire, without their prices: what adapters and gateways are tried against."""
