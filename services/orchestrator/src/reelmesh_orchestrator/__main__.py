"""The front door of the orchestrator."""

import sys

from reelmesh_kit import process

from reelmesh_orchestrator import app, settings

if __name__ == "__main__":
    sys.exit(process.main("orchestrator", app.build, settings.OrchestratorSettings))
