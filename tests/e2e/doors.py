"""Every door that strangers knock at: endpoints by HTTP, methods by gRPC."""

from collections.abc import Callable, Mapping

from google.protobuf import message
from reelmesh.v1 import (
    account_service_pb2,
    asset_service_pb2,
    generation_service_pb2,
    reconciliation_service_pb2,
    recovery_service_pb2,
)

from tests.e2e import caller

GENERATION = "{generation_id}"
# Which of its takes: none of them is anybody else's.
TAKE = "{take}"
ASSET = "{asset_id}"

# By HTTP. Those that name something of somebody are asked for what the other has, and for what nobody has.
NAMING: Mapping[tuple[str, str], str] = {
    ("get", f"{caller.GENERATIONS}/{GENERATION}"): GENERATION,
    ("delete", f"{caller.GENERATIONS}/{GENERATION}"): GENERATION,
    ("post", f"{caller.GENERATIONS}/{GENERATION}/cancel"): GENERATION,
    ("post", f"{caller.GENERATIONS}/{GENERATION}/retry"): GENERATION,
    ("post", f"{caller.GENERATIONS}/{GENERATION}/takes/{TAKE}/promote"): GENERATION,
    ("get", f"{caller.GENERATIONS}/{GENERATION}/events"): GENERATION,
    ("get", f"{caller.GENERATIONS}/{GENERATION}/watch"): GENERATION,
    ("get", f"{caller.ASSETS}/{ASSET}"): ASSET,
    ("delete", f"{caller.ASSETS}/{ASSET}"): ASSET,
    ("get", f"{caller.ASSETS}/{ASSET}/content"): ASSET,
}
# Each has a test of its own below.
OTHERWISE = {
    ("post", caller.GENERATIONS),
    ("get", caller.GENERATIONS),
    ("post", "/api/v1/quotes"),
    ("post", caller.ASSETS),
    ("get", "/files/{token}"),
    ("get", "/health"),
    ("get", "/health/detailed"),
    ("get", "/metrics"),
}
# In OpenAI's words: test_openai_door.py has what strangers get.
VIDEO = "/v1/videos/{video_id}"
OPENAI = {
    *(("post", "/v1/videos"), ("get", "/v1/videos"), ("get", VIDEO), ("delete", VIDEO), ("get", f"{VIDEO}/content")),
    *(("get", "/v1/models"), ("get", "/v1/models/{model_id}")),
}
RECOVERY = "/api/v1/recovery"
RELEASE = RECOVERY + "/accounts/{account_id}/release"
DOUBTS = "/api/v1/doubtful-attempts"
# For operators of the mesh, whichever tenant their key is of; what recovery tells is about accounts.
OPERATING = {
    *(("get", RECOVERY), ("post", RECOVERY), ("get", f"{RECOVERY}/orphans"), ("post", RELEASE)),
    ("get", DOUBTS),
    *(("get", f"/api/v1/{name}") for name in ("accounts", "switches", "health-events", "pools")),
    *(("post", f"/api/v1/switches/{way}") for way in ("off", "on")),
    *(("post", f"{DOUBTS}/{{attempt_id}}/{verb}") for verb in ("adopt", "resubmit", "write-off")),
}


# By gRPC.
Call = Callable[[str], message.Message]
NAMING_METHODS: Mapping[str, tuple[str, Call]] = {
    "GenerationService/GetGeneration": (
        GENERATION,
        lambda one: generation_service_pb2.GetGenerationRequest(generation_id=one),
    ),
    "GenerationService/CancelGeneration": (
        GENERATION,
        lambda one: generation_service_pb2.CancelGenerationRequest(generation_id=one),
    ),
    "GenerationService/DeleteGeneration": (
        GENERATION,
        lambda one: generation_service_pb2.DeleteGenerationRequest(generation_id=one),
    ),
    "GenerationService/PromoteTake": (
        GENERATION,
        lambda one: generation_service_pb2.PromoteTakeRequest(generation_id=one, take=1),
    ),
    "GenerationService/RetryGeneration": (
        GENERATION,
        lambda one: generation_service_pb2.RetryGenerationRequest(generation_id=one),
    ),
    "GenerationService/WatchGeneration": (
        GENERATION,
        lambda one: generation_service_pb2.WatchGenerationRequest(generation_id=one),
    ),
    "GenerationService/ListGenerationEvents": (
        GENERATION,
        lambda one: generation_service_pb2.ListGenerationEventsRequest(generation_id=one),
    ),
    "AssetService/GetAsset": (ASSET, lambda one: asset_service_pb2.GetAssetRequest(asset_id=one)),
    "AssetService/DownloadAsset": (ASSET, lambda one: asset_service_pb2.DownloadAssetRequest(asset_id=one)),
    "AssetService/DeleteAsset": (ASSET, lambda one: asset_service_pb2.DeleteAssetRequest(asset_id=one)),
}
OTHER_METHODS = {
    "GenerationService/CreateGeneration",
    "GenerationService/ListGenerations",
    "GenerationService/QuoteGeneration",
    "AssetService/UploadAsset",
}
OPERATING_METHODS: Mapping[str, message.Message] = {
    "RecoveryService/StartRecovery": recovery_service_pb2.StartRecoveryRequest(),
    "RecoveryService/GetRecovery": recovery_service_pb2.GetRecoveryRequest(),
    "RecoveryService/ListOrphans": recovery_service_pb2.ListOrphansRequest(),
    "RecoveryService/ReleaseAccount": recovery_service_pb2.ReleaseAccountRequest(),
    "AccountService/ListAccounts": account_service_pb2.ListAccountsRequest(),
    "AccountService/ListSwitches": account_service_pb2.ListSwitchesRequest(),
    "AccountService/SwitchOff": account_service_pb2.SwitchOffRequest(),
    "AccountService/SwitchOn": account_service_pb2.SwitchOnRequest(),
    "AccountService/ListHealthEvents": account_service_pb2.ListHealthEventsRequest(),
    "AccountService/ListPools": account_service_pb2.ListPoolsRequest(),
    "ReconciliationService/ListDoubtfulAttempts": reconciliation_service_pb2.ListDoubtfulAttemptsRequest(),
    "ReconciliationService/AdoptJob": reconciliation_service_pb2.AdoptJobRequest(),
    "ReconciliationService/ResubmitAttempt": reconciliation_service_pb2.ResubmitAttemptRequest(),
    "ReconciliationService/WriteOffAttempt": reconciliation_service_pb2.WriteOffAttemptRequest(),
}
# Open to everybody, and not ours.
OPEN_SERVICES = {"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}
PUBLIC = "reelmesh.v1."
