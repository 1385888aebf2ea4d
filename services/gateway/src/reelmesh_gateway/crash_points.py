"""Every boundary at which the gateway can be told to die, by name: where something is done and its caller not told."""

from reelmesh_kit import crashing

TABLE = crashing.Table("gateway")

CREATED = TABLE.point("create.answered")
CANCELLED = TABLE.point("cancel.answered")
RETRIED = TABLE.point("retry.answered")
DELETED = TABLE.point("delete.answered")
PROMOTED = TABLE.point("promote.answered")
WATCHED = TABLE.point("watch.told")

UPLOADED = TABLE.point("upload.stored")
UPLOAD_PREPARED = TABLE.point("upload.prepared")
UPLOAD_FORGOTTEN = TABLE.point("upload.forgotten")
ASSET_REMOVED = TABLE.point("asset.removed")
