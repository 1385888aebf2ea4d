"""S3 APIs to test against: moto, which is always there, and versitygw, which also checks signatures."""

import contextlib
import dataclasses
import functools
import pathlib
import shutil
import subprocess
import uuid
from collections.abc import Generator, Iterator
from typing import Any

import boto3.session
import botocore.client
import pytest

from tests.support import ports, requirements

ACCESS_KEY_ID = "reelmesh-test"
SECRET_ACCESS_KEY = "reelmesh-test-secret"
REGION = "us-east-1"

VERSITYGW = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
# Of programs that are linked statically, so that an image of nothing else runs them, too.
CACHE = pathlib.Path.home() / ".cache" / "reelmesh" / "static"
BUILD_TIMEOUT_SECONDS = 600
STOP_TIMEOUT_SECONDS = 10.0


class Absent(Exception):
    """This machine has no S3 server that can be run; the message says why."""


@dataclasses.dataclass(frozen=True)
class S3Server:
    """A running S3 API."""

    endpoint: str
    checks_signatures: bool

    @functools.cached_property
    def client(self) -> Any:
        """A boto3 client, for looking at what the code under test did."""
        session: Any = boto3.session.Session(ACCESS_KEY_ID, SECRET_ACCESS_KEY, region_name=REGION)
        config = botocore.client.Config(signature_version="s3v4", s3={"addressing_style": "path"})
        return session.client("s3", endpoint_url=self.endpoint, config=config)

    def make_bucket(self) -> str:
        """Make an empty bucket; return its name."""
        name = f"test-{uuid.uuid4().hex}"  # noqa: TID251 - tests share a server
        self.client.create_bucket(Bucket=name)
        return name


@pytest.fixture(scope="session")
def moto_server() -> Iterator[S3Server]:
    """Yield moto's server: everything of S3 but signatures."""
    from moto.server import ThreadedMotoServer  # it takes a second to import, which only its users should wait

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield S3Server(f"http://{host}:{port}", checks_signatures=False)
    finally:
        server.stop()


@pytest.fixture(scope="session")
def versitygw_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Yield versitygw, built with Go at the first time. Give tests that use it time: `timeout(600)`."""
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(versitygw(tmp_path_factory.mktemp("versitygw")))
        except Absent as absent:
            requirements.missing("s3", str(absent))
        yield server


@contextlib.contextmanager
def versitygw(folder: pathlib.Path) -> Generator[S3Server]:
    """Run versitygw with its objects as files in `folder`/data.

    Raises:
        Absent: there is none, and none can be built.
    """
    binary = shutil.which("versitygw") or static_versitygw()
    port = ports.free()
    secrets = [f"ROOT_ACCESS_KEY={ACCESS_KEY_ID}", f"ROOT_SECRET_KEY={SECRET_ACCESS_KEY}"]
    with (folder / "log").open("wb") as log:
        (folder / "data").mkdir()
        (folder / "scratch").mkdir()
        process = subprocess.Popen(
            ["env", *secrets, binary, "--port", f"127.0.0.1:{port}", "posix", folder / "data"],
            cwd=folder / "scratch",
            stdout=log,
            stderr=log,
        )
    try:
        ports.wait_until_open(port, process, folder / "log")
        yield S3Server(f"http://127.0.0.1:{port}", checks_signatures=True)
    finally:
        process.terminate()
        process.wait(STOP_TIMEOUT_SECONDS)


def static_versitygw() -> pathlib.Path:
    """Return a versitygw that needs no library, built with Go at the first time.

    Raises:
        Absent: it cannot be built.
    """
    built = CACHE / "versitygw"
    if built.exists():
        return built
    go = shutil.which("go")
    if go is None:
        raise Absent("neither versitygw nor Go to build it with is on the PATH")
    CACHE.mkdir(parents=True, exist_ok=True)
    command = ["env", f"GOBIN={CACHE}", "CGO_ENABLED=0", go, "install", "-ldflags=-s -w", VERSITYGW]
    done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_TIMEOUT_SECONDS, check=False)
    if done.returncode != 0:
        raise Absent(f"versitygw cannot be built: {done.stderr.strip()[-300:]}")
    return built
