"""How many workers a pool has, and which may go: nouns and decisions. Pure: no clock, chance or I/O."""
