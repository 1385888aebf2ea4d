"""TLS of gRPC's servers: certificates that were renewed are taken up without a restart, at the next handshake."""

import grpc

from reelmesh_kit import security


def server_credentials(renewed: security.Renewed) -> grpc.ServerCredentials:
    """Return the credentials of a server; one with an authority refuses clients without a certificate of it."""
    held = renewed.current()

    def fetch() -> "grpc.ServerCertificateConfiguration | None":
        nonlocal held
        if (current := renewed.current()) is held:
            return None
        held = current
        return _shown(current)

    return grpc.dynamic_ssl_server_credentials(
        _shown(held),
        fetch,  # pyright: ignore[reportArgumentType] - None says that nothing has changed
        require_client_authentication=renewed.files.authority is not None,
    )


def _shown(material: security.Material) -> "grpc.ServerCertificateConfiguration":
    pair = (material.key, material.certificate)
    return grpc.ssl_server_certificate_configuration([pair], root_certificates=material.authority or None)
