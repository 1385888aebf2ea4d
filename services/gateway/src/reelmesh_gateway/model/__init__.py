"""What the gateway decides by itself: keys, rates, byte ranges, what bytes are. Pure."""
