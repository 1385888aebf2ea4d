"""What the programs of a test node are told: their files and their command lines."""

import json
import pathlib
from collections.abc import Mapping

from tests.cluster import certificates, slots

NODE_NAME = "n1"
DNS_ADDRESS_INDEX = 10
API_PORT = 6443
ETCD = "http://127.0.0.1:2379"
ETCD_PEER = "http://127.0.0.1:2380"
PAUSE_IMAGE = "reelmesh.local/pause:1"
DNS_IMAGE = "reelmesh.local/coredns:1"
PLUGINS = pathlib.Path("/usr/lib/cni")
FOLDERS = ("pki", "logs", "cni", "layers", "kubelet", "home")

CONTAINERD = """\
version = 3
root = "{folder}/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.internal.v1.opt"]
[grpc]
  address = "{folder}/containerd.sock"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "{pause}"
[plugins.'io.containerd.cri.v1.runtime']
  # Who lacks CAP_SYS_RESOURCE may not lower it; runc would die.
  restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  SystemdCgroup = false
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ["{plugins}"]
  conf_dir = "{folder}/cni"
"""


def dns_address(slot: slots.Slot) -> str:
    """Return the address of the cluster's DNS."""
    return str(slot.services[DNS_ADDRESS_INDEX])


def write_keys(slot: slots.Slot) -> pathlib.Path:
    """Write certificates and kubeconfigs to the folder `pki`; return the administrator's kubeconfig."""
    folder = slot.folder / "pki"
    authority = certificates.Authority(folder)
    certificates.write_key_pair(folder, "sa")
    names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"]
    authority.issue("apiserver", "kube-apiserver", names=names, addresses=[slot.services[1], slot.link[2]])
    authority.issue("kubelet-client", "kube-apiserver-kubelet-client", "system:masters")
    # Lets the API server vouch for users to aggregated APIs.
    authority.issue("front-proxy", "front-proxy")
    authority.issue("node", f"system:node:{NODE_NAME}", "system:nodes", names=[NODE_NAME], addresses=[slot.link[2]])
    for who in ("kube-controller-manager", "kube-scheduler", "kube-proxy"):
        authority.issue(who, f"system:{who}")
    authority.issue("admin", "admin", "system:masters")
    server = f"https://{slot.node_address}:{API_PORT}"
    for who in ("node", "kube-controller-manager", "kube-scheduler", "kube-proxy"):
        authority.kubeconfig(who, server)
    return authority.kubeconfig("admin", server)


def write_files(slot: slots.Slot) -> None:
    """Write what containerd, its network plugins and the kubelet read."""
    folder = slot.folder
    told = CONTAINERD.format(folder=folder, pause=PAUSE_IMAGE, plugins=PLUGINS)
    (folder / "containerd.toml").write_text(told)
    (folder / "cni" / "10-pods.conflist").write_text(json.dumps(_pod_network(slot)))
    (folder / "kubelet.json").write_text(json.dumps(_kubelet(slot)))
    (folder / "resolv.conf").write_text("")


def _pod_network(slot: slots.Slot) -> Mapping[str, object]:
    addresses = {
        "type": "host-local",
        "dataDir": str(slot.folder / "addresses"),
        "ranges": [[{"subnet": str(slot.pods)}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {"type": "bridge", "bridge": "rm-pods", "isGateway": True, "ipMasq": True, "hairpinMode": True}
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": [{**bridge, "ipam": addresses}, ports]}


def _kubelet(slot: slots.Slot) -> Mapping[str, object]:
    pki = slot.folder / "pki"
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki / "node.crt"),
        "tlsPrivateKeyFile": str(pki / "node.key"),
        "address": slot.node_address,
        "healthzBindAddress": "127.0.0.1",
        "clusterDNS": [dns_address(slot)],
        "clusterDomain": "cluster.local",
        "resolvConf": str(slot.folder / "resolv.conf"),
        "containerRuntimeEndpoint": f"unix://{slot.folder}/containerd.sock",
        "podLogsDir": str(slot.folder / "pod-logs"),
        "volumePluginDir": str(slot.folder / "volume-plugins"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{slot.cgroup}",
        # 1.35 and later refuse version 1 of control groups unless told so.
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        # Nobody could pull an image again that was cleaned away.
        "imageGCHighThresholdPercent": 100,
    }


def stores(slot: slots.Slot) -> dict[str, list[str]]:
    """Return the command lines of what needs nobody: etcd and containerd."""
    data = f"--data-dir={slot.folder}/etcd"
    clients = [f"--listen-client-urls={ETCD}", f"--advertise-client-urls={ETCD}"]
    peers = [f"--listen-peer-urls={ETCD_PEER}", f"--initial-advertise-peer-urls={ETCD_PEER}"]
    return {
        # What is written need not survive a power cut.
        "etcd": ["etcd", data, *clients, *peers, f"--initial-cluster=default={ETCD_PEER}", "--unsafe-no-fsync"],
        "containerd": ["containerd", "--config", f"{slot.folder}/containerd.toml"],
    }


def api_server(slot: slots.Slot) -> dict[str, list[str]]:
    """Return the command line of the API server, which needs etcd."""
    pki = slot.folder / "pki"
    extra = ("username-headers=X-Remote-User", "group-headers=X-Remote-Group", "extra-headers-prefix=X-Remote-Extra-")
    return {
        "kube-apiserver": [
            "kube-apiserver",
            f"--etcd-servers={ETCD}",
            f"--advertise-address={slot.node_address}",
            f"--bind-address={slot.node_address}",
            f"--secure-port={API_PORT}",
            "--allow-privileged",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            f"--client-ca-file={pki}/ca.crt",
            f"--tls-cert-file={pki}/apiserver.crt",
            f"--tls-private-key-file={pki}/apiserver.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki}/sa.pub",
            f"--service-account-signing-key-file={pki}/sa.key",
            f"--service-cluster-ip-range={slot.services}",
            f"--kubelet-client-certificate={pki}/kubelet-client.crt",
            f"--kubelet-client-key={pki}/kubelet-client.key",
            f"--kubelet-certificate-authority={pki}/ca.crt",
            # Else exec and logs would look the node's name up in the machine's DNS.
            "--kubelet-preferred-address-types=InternalIP",
            f"--requestheader-client-ca-file={pki}/ca.crt",
            # Must be told, because clients are signed by the same authority.
            "--requestheader-allowed-names=front-proxy",
            *(f"--requestheader-{what}" for what in extra),
            f"--proxy-client-cert-file={pki}/front-proxy.crt",
            f"--proxy-client-key-file={pki}/front-proxy.key",
        ]
    }


def clients(slot: slots.Slot) -> dict[str, list[str]]:
    """Return the command lines of what needs the API server: it would end if it did not find it."""
    pki = slot.folder / "pki"

    def kubeconfigs(who: str) -> list[str]:
        file = f"{pki}/{who}.kubeconfig"
        kinds = ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")
        return [f"--{kind}={file}" for kind in kinds]

    manager = [
        f"--service-account-private-key-file={pki}/sa.key",
        f"--root-ca-file={pki}/ca.crt",
        "--use-service-account-credentials",
        "--allocate-node-cidrs",
        f"--cluster-cidr={slot.pods}",
        f"--node-cidr-mask-size={slot.pods.prefixlen}",
    ]
    alone = ["--leader-elect=false", "--bind-address=127.0.0.1"]
    kubelet = [f"--kubeconfig={pki}/node.kubeconfig", f"--config={slot.folder}/kubelet.json"]
    # It may not set how many connections the kernel follows.
    unset = ("max-per-core", "tcp-timeout-established", "tcp-timeout-close-wait")
    proxy = [f"--kubeconfig={pki}/kube-proxy.kubeconfig", "--proxy-mode=nftables", f"--cluster-cidr={slot.pods}"]
    local = ["--healthz-bind-address=127.0.0.1:10256", "--metrics-bind-address=127.0.0.1:10249", "--oom-score-adj=0"]
    named = f"--hostname-override={NODE_NAME}"
    here = [named, f"--node-ip={slot.node_address}", f"--root-dir={slot.folder}/kubelet"]
    return {
        "kube-controller-manager": [
            "kube-controller-manager",
            *kubeconfigs("kube-controller-manager"),
            *manager,
            *alone,
        ],
        "kube-scheduler": ["kube-scheduler", *kubeconfigs("kube-scheduler"), *alone],
        "kubelet": ["kubelet", *kubelet, *here, f"--cert-dir={pki}"],
        "kube-proxy": ["kube-proxy", *proxy, named, *local, *(f"--conntrack-{what}=0" for what in unset)],
    }
