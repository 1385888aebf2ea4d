"""The outbound edge: one foreign technology each."""
