"""Pure translation: resources of Kubernetes and answers of the orchestrator into our words, and back."""
