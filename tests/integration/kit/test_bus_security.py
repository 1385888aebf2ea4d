"""NATS that asks who calls, and that is asked who it is: let in, refused with words, and renewed."""

import contextlib
import dataclasses
import pathlib
import re
from collections.abc import AsyncIterator

import pytest
from reelmesh_kit import bus, errors, process, security

from tests.support import bus_work, certificates, guarded_nats
from tests.support.guarded_nats import Nkey, Realm, running, stored

PATIENCE_SECONDS = 60.0
Logged = pytest.LogCaptureFixture
USER = 'authorization { users: [ { user: "mesh", password: "pass" } ] }\n'
TOKEN = 'authorization { token: "secret" }\n'
NO_STREAMS = (
    'authorization { users: [ { user: "mesh", password: "pass", permissions: { publish: { deny: "$JS.>" } } } ] }\n'
)


@pytest.fixture
def authority(tmp_path: pathlib.Path) -> certificates.Authority:
    return certificates.Authority(tmp_path)


def tls(authority: pathlib.Path | None = None, pair: certificates.Pair | None = None) -> security.Tls:
    return security.Tls(
        security.File(pair.certificate, "REELMESH_NATS_CERTIFICATE_FILE") if pair else None,
        security.File(pair.key, "REELMESH_NATS_KEY_FILE") if pair else None,
        security.File(authority, "REELMESH_NATS_CA_FILE") if authority else None,
    )


def of_server(pair: certificates.Pair, clients: pathlib.Path | None = None, *, first: bool = False) -> str:
    asked = f'verify: true, ca_file: "{clients}",' if clients else ""
    asked += "handshake_first: true" if first else ""
    return f'tls {{ cert_file: "{pair.certificate}", key_file: "{pair.key}", {asked} }}\n'


def nkeys(*allowed: Nkey) -> str:
    return f"authorization {{ users: [ {', '.join(f'{{ nkey: {each.public} }}' for each in allowed)} ] }}\n"


def seed(path: pathlib.Path) -> security.Nats:
    return security.Nats(seed=security.File(path, "REELMESH_NATS_NKEY_FILE"))


def credentials(path: pathlib.Path) -> security.Nats:
    return security.Nats(credentials=security.File(path, "REELMESH_NATS_CREDENTIALS_FILE"))


@contextlib.asynccontextmanager
async def connected(
    chassis: process.Chassis, shown: security.Nats, server: guarded_nats.Guarded, scheme: str = "nats", user: str = ""
) -> AsyncIterator[bus.Bus]:
    own = dataclasses.replace(chassis, secured=security.Security(nats=shown))
    url = f"{scheme}://{user}127.0.0.1:{server.port}"
    async with bus.connect(own, url, first_connect_seconds=PATIENCE_SECONDS) as link:
        yield link


async def works(
    chassis: process.Chassis, shown: security.Nats, server: guarded_nats.Guarded, scheme: str = "nats", user: str = ""
) -> None:
    async with connected(chassis, shown, server, scheme, user) as link:
        await eventually_stored(chassis, link, "m1")


async def eventually_stored(chassis: process.Chassis, link: bus.Bus, message_id: str) -> None:
    async def is_stored() -> bool:
        with contextlib.suppress(errors.Unavailable):
            await stored(link, message_id)
            return True
        return False

    await bus_work.until(chassis.clock, is_stored, PATIENCE_SECONDS)


async def refused(
    chassis: process.Chassis, shown: security.Nats, server: guarded_nats.Guarded, words: str, user: str = ""
) -> None:
    with pytest.raises(process.CannotStart, match=re.escape(words)) as raised:
        async with connected(chassis, shown, server, user=user):
            pass
    for secret in ("pass", "secret", "wrong"):
        assert f":{secret}" not in str(raised.value)


async def test_a_user_is_let_in_and_another_is_refused_at_the_start(
    chassis: process.Chassis, tmp_path: pathlib.Path
) -> None:
    async with running(tmp_path, USER) as server:
        await works(chassis, security.Nats(user="mesh", password="pass"), server)
        await works(chassis, security.Nats(), server, user="mesh:pass@")
        await refused(chassis, security.Nats(), server, "it asks who calls. Set REELMESH_NATS_USER")
        await refused(chassis, security.Nats(), server, "check the user in REELMESH_NATS_URL", user="mesh:wrong@")
        await refused(
            chassis, security.Nats(user="mesh", password="wrong"), server, "refuses the user mesh. Check REELMESH_NATS"
        )


async def test_a_token_is_let_in_and_another_is_refused(chassis: process.Chassis, tmp_path: pathlib.Path) -> None:
    async with running(tmp_path, TOKEN) as server:
        await works(chassis, security.Nats(token="secret"), server)
        await refused(chassis, security.Nats(token="wrong"), server, "Check REELMESH_NATS_TOKEN")


async def test_an_nkey_is_let_in_another_is_refused_and_a_renewed_one_is_taken_up(
    chassis: process.Chassis, tmp_path: pathlib.Path
) -> None:
    old, new, file = Nkey(), Nkey(), tmp_path / "seed.nk"
    file.write_text(f"{old.seed}\n")
    async with running(tmp_path, nkeys(old)) as server:
        async with connected(chassis, seed(file), server) as link:
            await eventually_stored(chassis, link, "m1")
            file.write_text(f"{new.seed}\n")
            server.reload(nkeys(new))
            # Whoever has the old is hung up on.
            await eventually_stored(chassis, link, "m2")
        file.write_text(f"{Nkey().seed}\n")
        await refused(chassis, seed(file), server, f"refuses the nkey of {file} (REELMESH_NATS_NKEY_FILE)")
        file.write_text(f"{old.seed[:-8]}AAAAAAAA\n")
        await refused(chassis, seed(file), server, "holds no seed of a user's nkey")
        file.unlink()
        await refused(chassis, seed(file), server, f"REELMESH_NATS_NKEY_FILE: {file} is missing")


async def test_credentials_are_let_in_those_of_another_account_are_refused_and_renewed_ones_are_taken_up(
    chassis: process.Chassis, tmp_path: pathlib.Path
) -> None:
    realm, file = Realm(), tmp_path / "mesh.creds"
    file.write_text(realm.credentials())
    async with running(tmp_path, realm.config()) as server:
        async with connected(chassis, credentials(file), server) as link:
            await eventually_stored(chassis, link, "m1")
        file.write_text(Realm().credentials())
        await refused(chassis, credentials(file), server, "(REELMESH_NATS_CREDENTIALS_FILE)")
        file.write_text(realm.credentials(ends=1))
        await refused(chassis, credentials(file), server, "has expired. Write a new one")
        file.write_text("of straw")
        await refused(chassis, credentials(file), server, "is no file of credentials")


async def test_who_is_refused_later_says_so_and_comes_back_once_the_credentials_are_renewed(
    chassis: process.Chassis, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    old, new, file = Nkey(), Nkey(), tmp_path / "seed.nk"
    file.write_text(old.seed)

    async def is_told() -> bool:
        report = await chassis.health.report()
        return "refuses the nkey" in report.checks["bus"].message

    async with running(tmp_path, nkeys(old)) as server, connected(chassis, seed(file), server) as link:
        await eventually_stored(chassis, link, "m1")
        server.reload(nkeys(new))
        await bus_work.until(chassis.clock, is_told, PATIENCE_SECONDS)
        with pytest.raises(errors.Unavailable, match="REELMESH_NATS_NKEY_FILE"):
            await stored(link, "m2")
        file.write_text(new.seed)
        await eventually_stored(chassis, link, "m2")
    assert caplog.text.count("do not come together. It refuses the nkey") == 1


async def test_by_tls_the_server_is_believed_if_its_authority_is(
    chassis: process.Chassis, tmp_path: pathlib.Path, authority: certificates.Authority
) -> None:
    stranger = certificates.Authority(tmp_path, "stranger")
    async with running(tmp_path, of_server(authority.issue("nats"))) as server:
        await works(chassis, security.Nats(tls=tls(authority.file)), server)
        await works(chassis, security.Nats(tls=tls(authority.file)), server, scheme="tls")
        for shown in (security.Nats(tls=tls(stranger.file)), security.Nats()):
            await refused(chassis, shown, server, "Name the authority that signed it by REELMESH_NATS_CA_FILE")


async def test_a_server_of_another_name_is_not_believed(
    chassis: process.Chassis, tmp_path: pathlib.Path, authority: certificates.Authority
) -> None:
    async with running(tmp_path, of_server(authority.issue("nats", hosts=["other.example"]))) as server:
        await refused(chassis, security.Nats(tls=tls(authority.file)), server, "the server as its certificate does")


async def test_a_server_that_asks_for_certificates_takes_those_of_its_authority_alone(
    chassis: process.Chassis, tmp_path: pathlib.Path, authority: certificates.Authority
) -> None:
    stranger = certificates.Authority(tmp_path, "stranger")
    async with running(tmp_path, of_server(authority.issue("nats"), authority.file)) as server:
        await works(chassis, security.Nats(tls=tls(authority.file, authority.issue("mesh"))), server)
        for pair in (None, stranger.issue("other")):
            shown = security.Nats(tls=tls(authority.file, pair))
            await refused(chassis, shown, server, "set REELMESH_NATS_CERTIFICATE_FILE")


async def test_nothing_is_said_in_the_clear_where_tls_is_asked_for(
    chassis: process.Chassis, tmp_path: pathlib.Path, authority: certificates.Authority
) -> None:
    async with running(tmp_path, USER) as server:
        shown = security.Nats(user="mesh", password="pass", tls=tls(authority.file))
        await refused(chassis, shown, server, "It speaks no TLS, and nothing is said to it in the clear")
        with pytest.raises(process.CannotStart, match="It speaks no TLS"):
            async with connected(chassis, security.Nats(user="mesh", password="pass"), server, scheme="tls"):
                pass


async def test_a_server_where_tls_is_a_choice_is_spoken_to_by_tls(
    chassis: process.Chassis, tmp_path: pathlib.Path, authority: certificates.Authority
) -> None:
    config = "allow_non_tls: true\n" + of_server(authority.issue("nats"))
    async with running(tmp_path, config) as server:
        await works(chassis, security.Nats(tls=tls(authority.file)), server)
        stranger = certificates.Authority(tmp_path, "stranger")
        await refused(chassis, security.Nats(tls=tls(stranger.file)), server, "not believed")


async def test_a_server_that_waits_for_tls_is_spoken_to_by_tls_first_after_a_break_too(
    chassis: process.Chassis, tmp_path: pathlib.Path, authority: certificates.Authority
) -> None:
    shown = security.Nats(tls=tls(authority.file), tls_first=True)
    waits = of_server(authority.issue("nats"), first=True)
    async with contextlib.AsyncExitStack() as later:
        async with running(tmp_path, waits, waits_for_tls=True) as server:
            link = await later.enter_async_context(connected(chassis, shown, server))
            await eventually_stored(chassis, link, "m1")
        async with running(tmp_path, waits, server.port, waits_for_tls=True):
            await eventually_stored(chassis, link, "m2")


async def test_who_begins_with_tls_believes_and_is_believed_as_otherwise(
    chassis: process.Chassis, tmp_path: pathlib.Path, authority: certificates.Authority
) -> None:
    waits = of_server(authority.issue("nats"), authority.file, first=True)
    async with running(tmp_path, waits, waits_for_tls=True) as server:
        await works(chassis, security.Nats(tls=tls(authority.file, authority.issue("mesh")), tls_first=True), server)
        # By the system's authorities.
        await refused(chassis, security.Nats(tls_first=True), server, "Name the authority that signed it")
        shown = security.Nats(tls=tls(authority.file), tls_first=True)
        await refused(chassis, shown, server, "set REELMESH_NATS_CERTIFICATE_FILE")


async def test_a_server_that_speaks_before_tls_is_refused_by_who_begins_with_tls(
    chassis: process.Chassis, tmp_path: pathlib.Path, authority: certificates.Authority
) -> None:
    shown = security.Nats(user="mesh", password="pass", tls=tls(authority.file), tls_first=True)
    for config in (USER, of_server(authority.issue("nats"))):
        async with running(tmp_path, config) as server:
            await refused(chassis, shown, server, "It does not begin with TLS (REELMESH_NATS_TLS_FIRST")


async def test_who_waits_for_the_word_of_a_server_that_waits_for_tls_is_told_what_to_set(
    chassis: process.Chassis, tmp_path: pathlib.Path, authority: certificates.Authority, caplog: Logged
) -> None:
    async def is_told() -> bool:
        return "set REELMESH_NATS_TLS_FIRST" in caplog.text

    own = dataclasses.replace(chassis, secured=security.Security(nats=security.Nats(tls=tls(authority.file))))
    waits = of_server(authority.issue("nats"), first=True)
    async with (
        running(tmp_path, waits, waits_for_tls=True) as server,
        bus.connect(own, f"nats://127.0.0.1:{server.port}"),
    ):
        await bus_work.until(chassis.clock, is_told, PATIENCE_SECONDS)


async def test_renewed_certificates_are_shown_to_a_server_that_asks_anew(
    chassis: process.Chassis, tmp_path: pathlib.Path, authority: certificates.Authority
) -> None:
    pair, trusted = authority.issue("mesh"), tmp_path / "trusted.crt"
    trusted.write_bytes(authority.file.read_bytes())
    shown = security.Nats(tls=tls(trusted, pair))
    async with contextlib.AsyncExitStack() as later:
        async with running(tmp_path, of_server(authority.issue("nats"), authority.file)) as server:
            link = await later.enter_async_context(connected(chassis, shown, server))
            await eventually_stored(chassis, link, "m1")
        new = certificates.Authority(tmp_path, "new")
        new.issue("mesh")
        trusted.write_bytes(new.file.read_bytes())
        async with running(tmp_path, of_server(new.issue("nats"), new.file), server.port):
            await eventually_stored(chassis, link, "m2")


async def test_a_right_that_is_missing_is_told(
    chassis: process.Chassis, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def is_told() -> bool:
        return "does not allow something that the mesh does" in caplog.text

    shown = security.Nats(user="mesh", password="pass")
    async with running(tmp_path, NO_STREAMS) as server, connected(chassis, shown, server):
        await bus_work.until(chassis.clock, is_told, PATIENCE_SECONDS)
