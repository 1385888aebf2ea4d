"""How a user reaches a Kubernetes: by kubeconfig, as kubectl does, or in a Pod by its account."""

import base64
import binascii
import contextlib
import dataclasses
import json
import pathlib
import ssl
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from reelmesh_client import errors, settings

# Where Kubernetes puts what a Pod needs to talk to it.
ACCOUNT = pathlib.Path("/var/run/secrets/kubernetes.io/serviceaccount")
IN_CLUSTER = "https://kubernetes.default.svc"
# A program that gets a token may have to ask for a login in a browser.
LOGIN_SECONDS = 120.0
_EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")

Part = Mapping[str, Any]


# By name: the folder of the file that names it, and what it says.
_Known = dict[str, tuple[pathlib.Path, Part]]


class NoAccess(errors.ReelmeshError):
    """It is not known how to reach a Kubernetes."""

    hint = "Name a kubeconfig with --kubeconfig or KUBECONFIG, and a context in it with --context."


@dataclasses.dataclass(frozen=True)
class Access:
    """A server, and what is shown to it."""

    server: str
    namespace: str = "default"
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    #: Certificates in PEM; "" where there are none: authorities of the server, and our own with its key.
    authorities: str = ""
    certificate: str = ""
    key: str = ""
    insecure: bool = False

    def trust(self) -> ssl.SSLContext | bool:
        """Return whom to believe, and who we are.

        Raises:
            NoAccess: the certificates cannot be used.
        """
        if not self.server.startswith("https://"):
            return False
        try:
            context = ssl.create_default_context(cadata=self.authorities or None)
            if self.certificate:
                # Python reads them from files alone.
                with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
                    file.write(f"{self.certificate}\n{self.key}\n")
                    file.flush()
                    context.load_cert_chain(file.name)
        except (ssl.SSLError, ValueError) as error:
            raise NoAccess(f"the certificates for {self.server} cannot be used: {error}") from error
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def find(file: str = "", context: str = "") -> Access:
    """Return the access that was named, or else the user's, or else that of the Pod in which this runs.

    Args:
        file: path of a kubeconfig; "": those of KUBECONFIG, or ~/.kube/config.
        context: name of a context in it; "": the current one.

    Raises:
        NoAccess: there is none, or it cannot be used.
    """
    files = [pathlib.Path(file)] if file else settings.kubeconfigs()
    there = [one for one in files if one.is_file()]
    if there:
        return _from_files(there, context)
    if file or context or not (ACCOUNT / "token").is_file():
        names = ", ".join(map(str, files))
        raise NoAccess(f"there is no kubeconfig {names}" + ("" if file else ", and this is no Pod with an account"))
    return _of_pod()


def _of_pod() -> Access:
    namespace = ACCOUNT / "namespace"
    return Access(
        IN_CLUSTER,
        namespace=namespace.read_text().strip() if namespace.is_file() else "default",
        headers=_bearer((ACCOUNT / "token").read_text().strip()),
        authorities=(ACCOUNT / "ca.crt").read_text(),
    )


@dataclasses.dataclass(frozen=True)
class _Named:
    """What several kubeconfigs say together."""

    contexts: _Known
    clusters: _Known
    users: _Known


def _from_files(files: Sequence[pathlib.Path], wanted: str) -> Access:
    """Return the access of a context; where several files name the same, the first has it."""
    current, named = wanted, _Named({}, {}, {})
    for file in files:
        read = _read(file)
        current = current or str(read.get("current-context") or "")
        for kind, known in (("contexts", named.contexts), ("clusters", named.clusters), ("users", named.users)):
            for name, one in _named(read, kind):
                known.setdefault(name, (file.parent, one))
    if not current:
        raise NoAccess(f"no context is chosen in {', '.join(map(str, files))}")
    if current not in named.contexts:
        there = ", ".join(sorted(named.contexts)) or "none"
        raise NoAccess(f'there is no context "{current}" in {", ".join(map(str, files))}; there are: {there}')
    _, context = named.contexts[current]
    cluster_home, cluster = _part(named.clusters, context, current, "cluster")
    user_home, user = _part(named.users, context, current, "user")
    return _access(_Files(cluster_home), cluster, _Files(user_home), user, str(context.get("namespace") or "default"))


def _part(known: _Known, context: Part, current: str, kind: str) -> tuple[pathlib.Path, Part]:
    name = str(context.get(kind))
    if name not in known:
        raise NoAccess(f'the context "{current}" names the {kind} "{name}", which no kubeconfig has')
    return known[name]


@dataclasses.dataclass(frozen=True)
class _Files:
    """Files that a kubeconfig names: relative to its own folder."""

    folder: pathlib.Path

    def pem(self, part: Part, name: str) -> str:
        """Return what stands in NAME-data, or in the file that NAME names; "" without either."""
        if data := part.get(f"{name}-data"):
            try:
                return base64.b64decode(data, validate=True).decode()
            except (binascii.Error, ValueError, TypeError) as error:
                raise NoAccess(f"{name}-data in the kubeconfig is not in base64") from error
        return self.text(part[name]) if part.get(name) else ""

    def text(self, path: str) -> str:
        """Return what stands in a file."""
        try:
            return (self.folder / pathlib.Path(path).expanduser()).read_text()
        except OSError as error:
            raise NoAccess(f"{path}, which the kubeconfig names, cannot be read: {error.strerror or error}") from error


def _access(of_cluster: _Files, cluster: Part, of_user: _Files, user: Part, namespace: str) -> Access:
    if not cluster.get("server"):
        raise NoAccess("the kubeconfig does not say where the server is")
    access = Access(
        str(cluster["server"]),
        namespace=namespace,
        headers=_headers(of_user, user),
        authorities=of_cluster.pem(cluster, "certificate-authority"),
        certificate=of_user.pem(user, "client-certificate"),
        key=of_user.pem(user, "client-key"),
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
    )
    return _logged_in(access, user["exec"], of_user.folder) if user.get("exec") else access


def _headers(files: _Files, user: Part) -> Mapping[str, str]:
    if token := user.get("token") or (files.text(user["tokenFile"]).strip() if user.get("tokenFile") else ""):
        return _bearer(token)
    if user.get("username"):
        pair = f"{user['username']}:{user.get('password', '')}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
    return {}


def _bearer(token: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _logged_in(access: Access, asked: Part, folder: pathlib.Path) -> Access:
    """Return the access with what a program of the cluster's vendor gives for it, as `aws eks get-token` does."""
    version = asked.get("apiVersion")
    if version not in _EXEC_VERSIONS:
        raise NoAccess(f"the kubeconfig gets credentials by {version}, which is not known here")
    given = {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}}
    added = {one["name"]: one["value"] for one in asked.get("env") or ()}
    program = str(asked.get("command", ""))
    if "/" in program:
        program = str(folder / pathlib.Path(program).expanduser())
    command = [program, *map(str, asked.get("args") or ())]
    environment = {**settings.everything(), **added, "KUBERNETES_EXEC_INFO": json.dumps(given)}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=LOGIN_SECONDS, check=True
        )
        status = json.loads(done.stdout)["status"]
    except subprocess.CalledProcessError as error:
        raise NoAccess(f"`{' '.join(command)}` gave no credentials: {error.stderr.strip()[-300:]}") from error
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError) as error:
        hint = str(asked.get("installHint") or "")
        raise NoAccess(f"`{' '.join(command)}` gave no credentials: {error}", hint=hint) from error
    return dataclasses.replace(
        access,
        headers=_bearer(status["token"]) if status.get("token") else access.headers,
        certificate=status.get("clientCertificateData") or access.certificate,
        key=status.get("clientKeyData") or access.key,
    )


def _read(file: pathlib.Path) -> Part:
    try:
        import yaml
    except ImportError as error:
        hint = "Install it with what that needs: pip install 'reelmesh-client[kubernetes]'."
        raise NoAccess(f"this installation cannot read a kubeconfig: {error}", hint=hint) from error
    try:
        read = yaml.safe_load(file.read_text())
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise NoAccess(f"{file} cannot be read: {error}") from error
    if not isinstance(read, dict):
        raise NoAccess(f"{file} is no kubeconfig")
    return cast("Part", read)


def _named(read: Part, kind: str) -> Iterator[tuple[str, Part]]:
    for one in read.get(kind) or ():
        with contextlib.suppress(KeyError, TypeError):
            yield one["name"], one.get(kind.removesuffix("s")) or {}
