"""What vendors tell is checked as each of them signs; the vendors' own libraries and simulators are the judges."""

import json

import openai
import pytest
from reelmesh_gateway.model import hooks
from reelmesh_simulators import webhooks as simulated
from reelmesh_simulators.dialects import fal_signing, google_signing

SECRET = "whsec_" + "c2VjcmV0IG9mIHdlYmhvb2tz"
KEY = b"secret of webhooks"
NOW = 1_790_000_000.0
BODY = json.dumps({"type": "video.completed", "data": {"id": "video_1"}}).encode()
STANDARD, FAL, GOOGLE = hooks.Scheme.STANDARD, hooks.Scheme.FAL, hooks.Scheme.GOOGLE
SIGNER = google_signing.Signer()


def by_token(**claims: object) -> dict[str, str]:
    """Return the headers of a notice that a request at Google asked for."""
    token = SIGNER.token({"iat": NOW, **claims})
    return {"webhook-id": "evt_1", "webhook-timestamp": f"{NOW:.0f}", "webhook-signature": token}


def test_secrets_are_read_as_the_scheme_says() -> None:
    assert hooks.secret_of(SECRET) == KEY
    assert hooks.secret_of("plain") == b"plain"
    assert hooks.secret_of("whsec_no base64!") == b"whsec_no base64!"


def test_what_openais_own_library_takes_for_signed_fits() -> None:
    headers = dict(simulated.standard(KEY, "evt_1", NOW, BODY))
    openai.OpenAI(api_key="none", webhook_secret=SECRET).webhooks.verify_signature(BODY, headers, tolerance=2**40)
    told = hooks.signed(STANDARD, headers, BODY)
    assert told is not None
    assert told.message_id == "evt_1"
    assert hooks.fits_secret(told, KEY)
    assert not hooks.fits_secret(told, b"another")


@pytest.mark.parametrize("header", ["webhook-id", "webhook-timestamp"])
def test_everything_that_is_signed_counts(header: str) -> None:
    headers = dict(simulated.standard(KEY, "evt_1", NOW, BODY))
    changed = hooks.signed(STANDARD, {**headers, header: headers[header] + "1"}, BODY)
    assert changed is not None
    assert not hooks.fits_secret(changed, KEY)
    other = hooks.signed(STANDARD, headers, BODY + b" ")
    assert other is not None
    assert not hooks.fits_secret(other, KEY)


def test_one_of_several_signatures_is_enough_and_other_versions_are_passed_over() -> None:
    headers = dict(simulated.standard(KEY, "evt_1", NOW, BODY))
    other = simulated.standard(b"older", "evt_1", NOW, BODY)["webhook-signature"]
    told = hooks.signed(
        STANDARD, {**headers, "webhook-signature": f"v2,xx {other} {headers['webhook-signature']}"}, BODY
    )
    assert told is not None
    assert hooks.fits_secret(told, KEY)


@pytest.mark.parametrize(
    ("scheme", "changed"),
    [
        (STANDARD, {"webhook-timestamp": "soon"}),
        (STANDARD, {"webhook-timestamp": "١٢"}),
        (STANDARD, {"webhook-signature": "v1,no base64"}),
        (FAL, {"x-fal-webhook-signature": "no hex"}),
        (FAL, {"x-fal-webhook-timestamp": "9" * 400}),
        (GOOGLE, {"webhook-timestamp": "soon"}),
        (GOOGLE, {"webhook-signature": "no token"}),
        (GOOGLE, {"webhook-signature": simulated.standard(KEY, "evt_1", NOW, BODY)["webhook-signature"]}),
        (GOOGLE, {"webhook-signature": "e30.W10.c2lnbmVk"}),
        (GOOGLE, {"webhook-signature": "e30.no json.c2lnbmVk"}),
        (GOOGLE, {"webhook-signature": "e30.e30.no base64"}),
        (GOOGLE, {"webhook-signature": by_token(exp="soon")["webhook-signature"]}),
    ],
)
def test_what_cannot_be_read_is_not_signed(scheme: hooks.Scheme, changed: dict[str, str]) -> None:
    good = by_token() if scheme is GOOGLE else simulated.standard(KEY, "evt_1", NOW, BODY)
    headers = {**good, **fal_signing.headers("r1", "key", NOW, BODY, forged=False)}
    assert hooks.signed(scheme, headers, BODY) is not None
    assert hooks.signed(scheme, {**headers, **changed}, BODY) is None
    assert hooks.signed(scheme, {name: text for name, text in headers.items() if name not in changed}, BODY) is None


def test_a_notice_is_of_these_minutes() -> None:
    told = hooks.signed(STANDARD, simulated.standard(KEY, "evt_1", NOW, BODY), BODY)
    assert told is not None
    assert hooks.is_fresh(told, NOW + 300)
    assert not hooks.is_fresh(told, NOW + 301)
    assert not hooks.is_fresh(told, NOW - 301)


def test_a_token_that_has_lapsed_is_too_old() -> None:
    for until, fresh in ((NOW - 301, False), (NOW, True)):
        told = hooks.signed(GOOGLE, by_token(exp=until), BODY)
        assert told is not None
        assert hooks.is_fresh(told, NOW) is fresh
    without_end = hooks.signed(GOOGLE, by_token(), BODY)
    assert without_end is not None
    assert not hooks.is_fresh(without_end, NOW + 301)


def test_the_job_is_named_where_the_vendor_names_it() -> None:
    assert hooks.job_of(STANDARD, {}, BODY) == hooks.job_of(GOOGLE, {}, BODY) == "video_1"
    assert hooks.job_of(FAL, {"x-fal-webhook-request-id": "r1"}, b"no json") == "r1"
    for body in (b"", b"[]", b"{}", b'{"data": 1}', b'{"data": {"id": 7}}', b"[" * 100_000):
        assert hooks.job_of(STANDARD, {}, body) == ""


def test_what_was_seen_is_bounded() -> None:
    seen = hooks.Seen(most=2)
    for each in "abc":
        seen.add(("one", "", each))
    assert [("one", "", each) in seen for each in "abc"] == [False, True, True]
