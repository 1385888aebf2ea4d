"""Images made of single files, without a builder: OCI archives, as `ctr images import` and `kind load` take them."""

import dataclasses
import gzip
import hashlib
import io
import json
import pathlib
import platform
import tarfile
from collections.abc import Mapping, Sequence

# Of nobody: whoever runs as this owns nothing.
NOBODY = 65532
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_OCI = "application/vnd.oci.image"


@dataclasses.dataclass(frozen=True)
class Image:
    """An image with nothing in it but these files; programs must be linked statically."""

    name: str
    """With a tag and a registry, which need not exist: `reelmesh.local/pause:1`."""
    files: Mapping[str, pathlib.Path]
    """Files of this machine by their path in the image, `/bin/pause`; all may be read and executed by everybody."""
    entrypoint: Sequence[str]
    user: int = NOBODY

    def write(self, archive: pathlib.Path) -> pathlib.Path:
        """Write the image as an archive; return it."""
        layer = self._layer()
        packed = gzip.compress(layer, compresslevel=1, mtime=0)
        config = _json(self._config(layer))
        manifest = _json(
            {
                "schemaVersion": 2,
                "mediaType": f"{_OCI}.manifest.v1+json",
                "config": _descriptor("config.v1+json", config),
                "layers": [_descriptor("layer.v1.tar+gzip", packed)],
            }
        )
        named = {"io.containerd.image.name": self.name, "org.opencontainers.image.ref.name": self.name}
        listed = {**_descriptor("manifest.v1+json", manifest), "annotations": named}
        with tarfile.open(archive, "w") as tar:
            _add(tar, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
            _add(tar, "index.json", _json({"schemaVersion": 2, "manifests": [listed]}))
            for blob in (config, packed, manifest):
                _add(tar, f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}", blob)
        return archive

    def _layer(self) -> bytes:
        written = io.BytesIO()
        with tarfile.open(fileobj=written, mode="w") as tar:
            folders = {str(folder).strip("/") for path in self.files for folder in pathlib.PurePosixPath(path).parents}
            for folder in sorted(folders - {""}):
                entry = tarfile.TarInfo(folder)
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(entry)
            for path, file in self.files.items():
                _add(tar, path.strip("/"), file.read_bytes(), mode=0o755)
        return written.getvalue()

    def _config(self, layer: bytes) -> Mapping[str, object]:
        return {
            "architecture": ARCHITECTURES[platform.machine()],
            "os": "linux",
            "config": {"Entrypoint": list(self.entrypoint), "User": f"{self.user}:{self.user}"},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        }


def _descriptor(kind: str, blob: bytes) -> dict[str, object]:
    digest = hashlib.sha256(blob).hexdigest()
    return {"mediaType": f"{_OCI}.{kind}", "digest": f"sha256:{digest}", "size": len(blob)}


def _json(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, sort_keys=True).encode()


def _add(tar: tarfile.TarFile, path: str, content: bytes, *, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))
