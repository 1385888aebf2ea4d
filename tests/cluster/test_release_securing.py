"""The release once it is secured: services speak TLS with each other, both ways, and with callers, by Secrets."""

import pathlib
from collections.abc import Iterator

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from reelmesh_client import client

from tests.cluster import release as releases
from tests.e2e import films
from tests.support import certificates

# The first builds what is missing.
pytestmark = pytest.mark.timeout(3600)

OF_SERVICES, OF_CALLERS = "mesh-certificate", "video-certificate"
SECURED = {
    "stopped": False,
    "tls": {"existingSecret": OF_SERVICES, "mutual": True, "public": {"existingSecret": OF_CALLERS}},
    # From nobody to somebody: the operator has to ask, by TLS, too.
    "services": {
        "operator": {"enabled": True},
        "provider-local": {"scaledByPool": True, "pool": {"maxReplicas": 1}},
    },
}
HEALTH = health_pb2.HealthCheckRequest()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> certificates.Authority:
    return certificates.Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def secured(release: releases.Release, authority: certificates.Authority) -> Iterator[releases.Release]:
    """Have the release stopped, and started again with certificates."""
    release.has_key()
    of_services = authority.issue("services", hosts=[f"*.{release.namespace}.svc.cluster.local"])
    of_callers = authority.issue("callers", hosts=[release.address])
    for name, pair in ((OF_SERVICES, of_services), (OF_CALLERS, of_callers)):
        told = {"tls.crt": pair.certificate, "tls.key": pair.key, "ca.crt": authority.file}
        content = {key: file.read_text() for key, file in told.items()}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": content}
        release.cluster.apply(secret, namespace=release.namespace)
    release.upgrade(releases.merged(releases.GROWN, {"stopped": True}))
    release.upgrade(SECURED)
    yield release
    for name in (OF_SERVICES, OF_CALLERS):
        release.cluster.delete("secret", name, release.namespace)


async def test_a_generation_becomes_a_film_by_tls_everywhere(
    secured: releases.Release, authority: certificates.Authority, tmp_path: pathlib.Path
) -> None:
    key = secured.has_key()
    async with secured.caller(key, authority.file) as caller:
        with secured.timed("a generation by TLS"):
            made = await caller.made("a paper boat behind glass")
        content = await caller.content(made["renditions"][0]["asset_id"])
    films.checked(content, tmp_path, seconds=1.0, size=(160, 90))
    async with client.Client(f"https://{secured.address}:9090", key, ca_file=authority.file) as by_grpc:
        assert (await by_grpc.get(made["id"])).id == made["id"]


def test_helm_test_finds_it_well(secured: releases.Release) -> None:
    assert "Phase:          Succeeded" in secured.test()


@pytest.mark.parametrize("service", ["orchestrator", "storage", "media"])
def test_only_who_was_signed_is_let_in(
    secured: releases.Release, authority: certificates.Authority, service: str
) -> None:
    pair = authority.issue("caller", hosts=["caller"])
    signed = (pair.key.read_bytes(), pair.certificate.read_bytes())
    selector = f"app.kubernetes.io/component={service}"
    pod = secured.cluster.find("pods", secured.namespace, selector=selector)[0]
    target = f"{pod['status']['podIP']}:7000"
    name = f"{releases.NAME}-{service}.{secured.namespace}.svc.cluster.local"

    def asked(credentials: grpc.ChannelCredentials | None) -> int:
        options = [("grpc.ssl_target_name_override", name)]
        opened = grpc.secure_channel(target, credentials, options) if credentials else grpc.insecure_channel(target)
        with opened as channel:
            return health_pb2_grpc.HealthStub(channel).Check(HEALTH, timeout=10.0).status

    believed = authority.file.read_bytes()
    assert asked(grpc.ssl_channel_credentials(believed, *signed)) == health_pb2.HealthCheckResponse.SERVING
    for refused in (None, grpc.ssl_channel_credentials(believed)):
        with pytest.raises(grpc.RpcError) as raised:
            asked(refused)
        assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
