"""What a generation came to: whether it has ended, and the files that it delivered."""

from reelmesh.v1 import generation_pb2

_ENDED = frozenset(
    {
        generation_pb2.GENERATION_STATE_COMPLETED,
        generation_pb2.GENERATION_STATE_REJECTED,
        generation_pb2.GENERATION_STATE_FAILED,
        generation_pb2.GENERATION_STATE_CANCELLED,
        generation_pb2.GENERATION_STATE_EXPIRED,
    }
)


def has_ended(generation: generation_pb2.Generation) -> bool:
    """Tell whether a generation goes on no more."""
    return generation.state in _ENDED


def asset_ids(generation: generation_pb2.Generation) -> list[str]:
    """Return the assets that were delivered, or can be."""
    pictures = [generation.thumbnail_asset_id, generation.poster_asset_id]
    pictures += [asset_id for take in generation.takes for asset_id in (take.thumbnail_asset_id, take.poster_asset_id)]
    found = [*(each.asset_id for each in files(generation)), *(each for each in pictures if each)]
    # What a promoted take has is delivered as well.
    return list(dict.fromkeys(found))


def files(generation: generation_pb2.Generation) -> list[generation_pb2.Rendition]:
    """Return the files that have URLs: those delivered first."""
    found = list(generation.renditions)
    if generation.HasField("infographic"):
        found.append(generation.infographic)
    return [*found, *(each for take in generation.takes for each in take.renditions)]


def unsigned_asset_ids(generation: generation_pb2.Generation) -> list[str]:
    """Return the assets of files that have no URL yet."""
    return list(dict.fromkeys(each.asset_id for each in files(generation) if each.asset_id and not each.url))


def sign(generation: generation_pb2.Generation, urls: dict[str, str]) -> None:
    """Give files their URL, from `urls` by asset id; those that have one keep it."""
    for file in files(generation):
        file.url = file.url or urls.get(file.asset_id, "")
