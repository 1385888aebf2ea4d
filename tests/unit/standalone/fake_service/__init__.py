"""A service that does nothing but serve: small enough to start in tests, in this process or as a child."""
