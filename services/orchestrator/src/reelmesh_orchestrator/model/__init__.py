"""Generations, shots, attempts and their money: nouns, tables of states, decisions. Pure: no clock, chance or I/O."""
