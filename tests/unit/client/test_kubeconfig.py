"""How a Kubernetes is reached: by kubeconfigs as kubectl reads them."""

import base64
import json
import pathlib
import ssl
import sys
from typing import Any

import pytest
import yaml
from reelmesh_client import kubeconfig

from tests.cluster import certificates
from tests.unit.client import fake_kubernetes

SERVER = "https://10.0.0.1:6443"


def find(tmp_path: pathlib.Path, **user: object) -> kubeconfig.Access:
    return kubeconfig.find(str(fake_kubernetes.write(tmp_path / "config", SERVER, **user)))


def test_a_context_names_server_namespace_and_token(tmp_path: pathlib.Path) -> None:
    access = find(tmp_path)
    assert (access.server, access.namespace) == (SERVER, "video")
    assert access.headers == {"Authorization": "Bearer a-token"}


def test_a_token_in_a_file_and_a_name_with_a_password(tmp_path: pathlib.Path) -> None:
    (tmp_path / "token").write_text("from-file\n")
    assert find(tmp_path, tokenFile="token").headers == {"Authorization": "Bearer from-file"}
    basic = base64.b64encode(b"me:secret").decode()
    assert find(tmp_path, username="me", password="secret").headers == {"Authorization": f"Basic {basic}"}


def test_the_first_of_several_files_wins(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fake_kubernetes.write(tmp_path / "first", "https://first")
    second = fake_kubernetes.write(tmp_path / "second", "https://second")
    more = yaml.safe_load(second.read_text())
    more["contexts"].append({"name": "there", "context": {"cluster": "c", "user": "u"}})
    second.write_text(yaml.safe_dump(more))
    monkeypatch.setenv("KUBECONFIG", f"{first}:{second}:{tmp_path / 'absent'}")
    assert kubeconfig.find().server == "https://first"
    assert kubeconfig.find(context="there").namespace == "default"


PROGRAM = """
import json, os, sys
asked = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
token = f"{sys.argv[1]}-{os.environ['WHO']}-{asked['kind']}"
print(json.dumps({"kind": "ExecCredential", "status": {"token": token}}))
"""


def asked(**changes: Any) -> dict[str, Any]:
    usual = {"apiVersion": "client.authentication.k8s.io/v1", "command": sys.executable, "args": ["-c", PROGRAM, "x"]}
    return {**usual, "env": [{"name": "WHO", "value": "me"}], **changes}


def test_a_program_gives_the_token(tmp_path: pathlib.Path) -> None:
    assert find(tmp_path, exec=asked()).headers == {"Authorization": "Bearer x-me-ExecCredential"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"args": ["-c", "import sys; sys.exit('not logged in')"]}, "not logged in"),
        ({"args": ["-c", "print('hello')"]}, "gave no credentials"),
        ({"command": "no-such-program-anywhere"}, "no-such-program-anywhere"),
        ({"apiVersion": "client.authentication.k8s.io/v1alpha1"}, "v1alpha1, which is not known here"),
    ],
)
def test_a_program_that_gives_none_is_told_of(tmp_path: pathlib.Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(kubeconfig.NoAccess, match=said):
        find(tmp_path, exec=asked(**changes))


def test_certificates_are_taken_from_files_and_from_data(tmp_path: pathlib.Path) -> None:
    certificates.Authority(tmp_path).issue("me", "me")
    data = base64.b64encode((tmp_path / "me.key").read_bytes()).decode()
    access = find(tmp_path, **{"client-certificate": "me.crt", "client-key-data": data})
    context = access.trust()
    assert isinstance(context, ssl.SSLContext)
    assert context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("user", "said"),
    [
        ({"client-certificate": "absent.crt"}, r"absent\.crt, which the kubeconfig names, cannot be read"),
        ({"client-key-data": "%"}, "client-key-data in the kubeconfig is not in base64"),
        ({"client-certificate-data": base64.b64encode(b"x").decode()}, "cannot be used"),
    ],
)
def test_certificates_that_cannot_be_used(tmp_path: pathlib.Path, user: dict[str, str], said: str) -> None:
    with pytest.raises(kubeconfig.NoAccess, match=said):
        find(tmp_path, **user).trust()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read"),
        ("[]", "is no kubeconfig"),
        ("{}", "no context is chosen"),
        (json.dumps({"current-context": "x"}), 'no context "x" in .*; there are: none'),
        (
            json.dumps({"current-context": "x", "contexts": [{"name": "x", "context": {"cluster": "y"}}]}),
            'the context "x" names the cluster "y", which no kubeconfig has',
        ),
    ],
)
def test_kubeconfigs_that_say_nothing(tmp_path: pathlib.Path, text: str, said: str) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    with pytest.raises(kubeconfig.NoAccess, match=said):
        kubeconfig.find(str(file))


def test_without_any_it_is_said_what_to_do(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "absent"))
    with pytest.raises(kubeconfig.NoAccess, match=r"no kubeconfig .*absent, and this is no Pod") as raised:
        kubeconfig.find()
    assert "--kubeconfig or KUBECONFIG" in raised.value.hint
