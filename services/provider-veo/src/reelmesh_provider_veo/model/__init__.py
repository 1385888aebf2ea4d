"""The nouns of Veo: where accounts, operations and clips are; pure."""
