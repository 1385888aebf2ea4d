"""What tests of several rooms share: a chassis with spans to look at, a real nats-server, a tiny service to call."""
