"""The verbs of the orchestrator: each gathers, decides by the model, and records, in one transaction."""
