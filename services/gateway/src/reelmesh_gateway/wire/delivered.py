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
    """Return the assets that were delivered."""
    pictures = (generation.thumbnail_asset_id, generation.poster_asset_id)
    return [*(each.asset_id for each in generation.renditions), *(each for each in pictures if each)]


def unsigned_asset_ids(generation: generation_pb2.Generation) -> list[str]:
    """Return the assets of renditions that have no URL yet."""
    return [each.asset_id for each in generation.renditions if each.asset_id and not each.url]


def sign(generation: generation_pb2.Generation, urls: dict[str, str]) -> None:
    """Give renditions their URL, from `urls` by asset id; those that have one keep it."""
    for rendition in generation.renditions:
        rendition.url = rendition.url or urls.get(rendition.asset_id, "")
