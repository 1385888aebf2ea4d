"""Gives a cluster the images of a trial: ours, PostgreSQL, and servers that are one static program each."""

import pathlib
from collections.abc import Mapping

from reelmesh_kit.bus import server

from tests.cluster import archives
from tests.cluster import cluster as clusters
from tests.cluster.images import building
from tests.support import requirements, s3

NATS = "reelmesh.local/nats:test"
S3 = "reelmesh.local/versitygw:test"


def give(cluster: clusters.Cluster, folder: pathlib.Path) -> Mapping[str, object]:
    """Give a cluster all images of the chart's trial; return the values that name them. Archives pass through `folder`.

    A test that asks this where they cannot be built is skipped.

    Raises:
        building.Failed: a build went wrong.
    """
    if reason := building.lack():
        requirements.missing("images", reason)
    try:
        gateway = s3.static_versitygw()
    except s3.Absent as absent:
        requirements.missing("s3", str(absent))
    for recipe in building.RECIPES:
        cluster.import_image(building.built(recipe))
    for name, program in ((NATS, server.find_binary()), (S3, gateway)):
        image = archives.Image(name, {"/bin/server": program}, ["/bin/server"])
        cluster.import_image(image.write(folder / f"{pathlib.PurePosixPath(name).name}.tar"))
    repository, _, tag = building.REELMESH.partition(":")
    return {
        "image": {"repository": repository, "tag": tag, "pullPolicy": "Never"},
        "embedded": {
            "nats": {"image": NATS},
            "postgresql": {"image": building.POSTGRESQL},
            "s3": {"image": S3},
        },
    }
