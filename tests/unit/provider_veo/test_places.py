"""Where accounts, operations and clips are."""

import pytest
from reelmesh_provider_veo.model import places

OPTIONS = {"project": "films", "bucket": "clips"}
ATTEMPT = "0b0e3bb6-6b53-5f0a-8d57-5a2d8f6f3f11"
OPERATION = "projects/films/locations/us-central1/publishers/google/models/veo-3.1-generate-001/operations/7"


def place(endpoint: str = places.GLOBAL, **options: str) -> places.Place:
    return places.place_of("veo-1", endpoint, {**OPTIONS, **options})


def test_a_location_has_an_endpoint_of_its_own() -> None:
    path = "v1/projects/films/locations/{}/publishers/google/models/m:predictLongRunning"
    assert place().create_url("m") == f"https://us-central1-aiplatform.googleapis.com/{path.format('us-central1')}"
    assert place(location="global").create_url("m") == f"https://aiplatform.googleapis.com/{path.format('global')}"
    assert place("http://x:1", location="l").create_url("m") == f"http://x:1/{path.format('l')}"


def test_an_operation_is_asked_about_where_it_was_started() -> None:
    operation = places.operation_of(OPERATION.replace("us-central1", "europe-west4"))
    assert operation is not None
    url = place().look_url(operation)
    assert url.startswith("https://europe-west4-aiplatform.googleapis.com/v1/projects/films/locations/europe-west4/")
    assert url.endswith("/models/veo-3.1-generate-001:fetchPredictOperation")


def test_each_attempt_writes_to_a_place_of_its_own_that_says_whose_and_what() -> None:
    uri = place().storage_uri(ATTEMPT, "veo-3.1-generate-001@4k")
    assert uri == f"gs://clips/reelmesh/{ATTEMPT}/veo-3.1-generate-001@4k/"
    output = places.output_of(f"{uri}12/sample_0.mp4")
    assert output is not None
    assert output.name.startswith(places.prefix_of(ATTEMPT))
    assert places.whose(output) == (ATTEMPT, "veo-3.1-generate-001@4k")
    assert place().object_url(output).endswith("/b/clips/o/" + output.name.replace("/", "%2F").replace("@", "%40"))


@pytest.mark.parametrize("name", ["a.mp4", f"reelmesh/{ATTEMPT}/m/a.txt", "reelmesh/x/m/a.mp4", f"{ATTEMPT}/m/a.mp4"])
def test_what_others_put_into_the_bucket_is_nobodys(name: str) -> None:
    assert places.whose(places.Output("clips", name)) is None


@pytest.mark.parametrize("text", ["", "7", "gs://clips/a.mp4", OPERATION + "?a=b", OPERATION + "/..", "/" + OPERATION])
def test_what_names_no_operation(text: str) -> None:
    assert places.operation_of(text) is None


@pytest.mark.parametrize("text", ["", "gs://", "gs://clips", "gs://clips/", "https://clips/a", OPERATION])
def test_what_names_no_object(text: str) -> None:
    assert places.output_of(text) is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"project": ""}, "account veo-1 needs the option 'project' in accounts.yaml"),
        ({"bucket": ""}, "'bucket' in accounts.yaml: a Cloud Storage bucket .* could never be found again"),
        ({"bucket": "a/b"}, "option 'bucket' cannot be 'a/b'"),
        ({"location": "evil.example/"}, "option 'location' cannot be"),
        ({"project": "../x"}, "option 'project' cannot be"),
        ({"storage_endpoint": "storage.googleapis.com"}, "option 'storage_endpoint' cannot be"),
        ({"storage_endpoint": "https://user@host"}, "option 'storage_endpoint' cannot be"),
        ({"buckets": "a"}, "unknown option 'buckets'; options of Veo are project, location, bucket"),
    ],
)
def test_an_account_that_does_not_say_where_it_is_is_refused(options: dict[str, str], words: str) -> None:
    with pytest.raises(places.Unplaced, match=words):
        place(**options)
