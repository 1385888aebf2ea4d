"""Values that contradict each other are refused before anything is installed, with words that say what to set."""

import subprocess

import pytest

from scripts import chart
from tests.support import requirements

POOLED = "scaledByPool=true,services.{0}.pool.maxReplicas=2"
REFUSED = {
    "apiKeys.existingSecret=": "Say where the API keys are",
    "apiKeys.development=true": "by one of apiKeys.existingSecret",
    "apiKeys.existingSecret=,apiKeys.development=true": "set services.gateway.replicas to 1",
    "nats.url=": "Say where NATS is",
    "postgresql.existingSecret=": "Say where PostgreSQL is",
    "s3.bucket=": "Say where assets are kept",
    "services.provider-fal.enabled=true": "accounts.list has none whose provider is fal",
    "services.storage.enabled=false": "calls storage, which does not run",
    "services.media.calls={gateway}": "calls gateway, which serves no gRPC",
    "services.media.drainSeconds=50": "must be 20 or more above leaveSeconds and drainSeconds together, which are 85",
    "services.gateway.replcas=1": "replcas",
    "services.provider-local.pool.maxReplicas=2": "set services.provider-local.scaledByPool, too",
    f"services.provider-local.{POOLED.format('provider-local')}": "needs the operator",
    f"services.operator.enabled=true,services.media.{POOLED.format('media')}": "for media, set pool.queue.lanes",
    "services.media.pool.maxReplica=2": "maxReplica",
    "workerPools.viewers[0].name=support": "kind",
    "workerPools.pausers[0].name=a,workerPools.pausers[0].kind=Robot": "ServiceAccount",
    "tls.mutual=true": "set tls.existingSecret",
    "nats.tls.certificate=true": "nats.tls.certificate is in nats.tls.existingSecret",
    "nats.user.existingSecret=a,nats.nkey.existingSecret=b": "set one of nats.user, nats.credentials and nats.nkey",
    "embedded.nats.enabled=true,nats.nkey.existingSecret=b": "asks nobody who calls",
    "embedded.nats.enabled=true,nats.tls.existingSecret=b": "speaks no TLS",
    "embedded.nats.enabled=true,nats.tls.first=true": "speaks no TLS",
    "ingress.enabled=true,ingress.host=a.example,tls.public.existingSecret=b": "set tls.public.http to false",
}


@pytest.fixture(scope="module")
def helm() -> str:
    return chart.helm() or requirements.missing(
        "helm", "helm is neither on the PATH nor built by make cluster-binaries"
    )


def template(helm: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    values = str(chart.CHART / "ci" / "external.yaml")
    command = [helm, "template", "reelmesh", str(chart.CHART), "--values", values, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("values", REFUSED)
def test_a_contradiction_is_refused(helm: str, values: str) -> None:
    result = template(helm, "--set", values)
    assert result.returncode != 0
    assert REFUSED[values] in result.stderr


def test_an_older_kubernetes_is_refused(helm: str) -> None:
    result = template(helm, "--kube-version", "1.29.0")
    assert result.returncode != 0
    assert "1.30" in result.stderr


@pytest.mark.parametrize("case", chart.CASES)
def test_what_is_kept_is_what_helm_makes(helm: str, case: str) -> None:
    assert chart.rendered(helm, case) == (chart.RENDERS / f"{case}.yaml").read_text()
