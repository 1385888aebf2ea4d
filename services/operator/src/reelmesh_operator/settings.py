"""What the operator can be told from outside; the only reader of the environment here."""

import pathlib
from typing import Self

import pydantic
import pydantic_settings
from reelmesh_kit import settings

# Where Kubernetes puts what a Pod needs to talk to it.
_ACCOUNT = pathlib.Path("/var/run/secrets/kubernetes.io/serviceaccount")


class OperatorSettings(settings.ServiceSettings):
    """Settings of the operator."""

    model_config = pydantic_settings.SettingsConfigDict(populate_by_name=True)

    orchestrator_address: str = pydantic.Field(default="127.0.0.1:7001", description="gRPC target of the orchestrator.")
    namespace: str = pydantic.Field(
        default="",
        description="Namespace whose WorkerPools are looked after; unset: that of the Pod.",
    )
    kubernetes_url: str = pydantic.Field(
        default="https://kubernetes.default.svc",
        description="Where the API server of Kubernetes is; in a Pod the default will do.",
    )
    kubernetes_token_file: pathlib.Path = pydantic.Field(
        default=_ACCOUNT / "token", description="File with the token for Kubernetes, read again for each call."
    )
    kubernetes_ca_file: pathlib.Path = pydantic.Field(
        default=_ACCOUNT / "ca.crt", description="File with the certificate that the API server's is signed by."
    )

    @pydantic.model_validator(mode="after")
    def _with_credentials(self) -> Self:
        for file, name in (
            (self.kubernetes_token_file, "REELMESH_KUBERNETES_TOKEN_FILE"),
            (self.kubernetes_ca_file, "REELMESH_KUBERNETES_CA_FILE"),
        ):
            if self.kubernetes_url.startswith("https://") and not file.is_file():
                raise ValueError(f"there is no {file}: run it in a Pod with a service account, or set {name}")
        if not self.own_namespace:
            raise ValueError("the namespace is not known: set REELMESH_NAMESPACE")
        return self

    @property
    def own_namespace(self) -> str:
        """The namespace that is looked after."""
        file = _ACCOUNT / "namespace"
        return self.namespace or (file.read_text().strip() if file.is_file() else "")
