"""Whom the mesh buys from in this run: each vendor with its adapter, the shipped card in a hurry, and an account."""

import dataclasses
import functools
import re
from collections.abc import Mapping, Sequence
from typing import Any

from reelmesh_provider import card_files, model

# What the vendors that are simulated here do within seconds, in place of minutes: all else is as shipped.
HASTE: Mapping[str, str] = {
    "creation_delay_seconds": "3",
    "listing_delay_seconds": "3",
    "output_grace_seconds": "5",
    "polls_per_second": "100",
    "gone": "{ times = 3, over_seconds = 2 }",
    "pace": "{ first_seconds = 0.7, longest_seconds = 3, growth = 1.5 }",
    "longest_render_seconds": "15",
    "seconds_per_second": "1",
}
# Only where the shipped card has it: what it means when a vendor knows its own id no more.
ONLY_IF_SHIPPED = frozenset({"gone"})
# What each model says for itself.
OF_MODELS = frozenset({"longest_render_seconds", "seconds_per_second"})
# Variables of the environment, and the keys in them.
KEY, TOKEN, WEBHOOKS = "CHAOS_MONEY_KEY", "CHAOS_MONEY_TOKEN", "CHAOS_MONEY_WEBHOOKS"
KEYS: Mapping[str, str] = {KEY: "one:secret", TOKEN: "token-1", WEBHOOKS: "what both know"}
# What SGLang's shipped card sells, but for the one shape that is asked for where nothing is lost.
SHAPES: Sequence[Mapping[str, object]] = tuple(
    {"duration_seconds": seconds, "width": width, "height": height}
    for seconds in range(1, 6)
    for width, height in ((832, 480), (480, 832), (1280, 704), (704, 1280))
    if (seconds, width) != (1, 832)
)


@dataclasses.dataclass(frozen=True, eq=False)
class Dialect:
    """A vendor.

    Attributes:
        name: of its rows, of its simulator, and of its routing policy.
        service: whose worker speaks to it.
        package: where the shipped card lies, and by which name.
        settings: what its worker is told besides.
        model: the one that is bought.
        seconds, width, height: what is asked for.
        path: of the endpoint, behind the simulator's address.
        options: of the account.
        exclusive: whether nobody else uses the account.
        secret: the variable that has its key.
        told_apart: whether its list shows something that only one request has sent.
        shapes: what may be asked for besides, where only length and size tell requests apart.
        silent: whether no sound is asked for: these vendors are not told, and our own renderer saves half its work.
        signed: how it signs what it tells at our address; "" where it tells nothing.
    """

    name: str
    service: str
    package: tuple[str, str]
    model: str
    seconds: int
    width: int = 1280
    height: int = 720
    settings: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    path: str = ""
    options: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    exclusive: bool = False
    secret: str = KEY
    told_apart: bool = True
    shapes: Sequence[Mapping[str, object]] = ()
    silent: bool = False
    signed: str = ""

    @property
    def provider(self) -> str:
        """What the provider is called in accounts.yaml."""
        return self.settings.get("sora_name", self.service.removeprefix("provider-"))

    @property
    def card_setting(self) -> str:
        """The name of the setting that names the card's file."""
        return f"{self.service.removeprefix('provider-')}_card_file"

    @property
    def card(self) -> str:
        """The shipped card, with a vendor that takes seconds: TOML."""
        return hurried(card_files.packaged(*self.package))

    @property
    def recovery(self) -> model.Recovery:
        """How what is lost can be found, as the card says."""
        return self._parsed.recovery

    @property
    def lists(self) -> bool:
        """Whether what is lost can be found at all."""
        return self.recovery is not model.Recovery.NONE

    @property
    def priced(self) -> bool:
        """Whether what is bought costs anything."""
        (sold,) = [one for one in self._parsed.models if one.model == self.model]
        return any(price.micros_per_second or price.micros_per_clip for price in sold.prices)

    @functools.cached_property
    def _parsed(self) -> model.ProviderCard:
        return card_files.parse(self.card, self.provider, "1")

    @property
    def output(self) -> Mapping[str, object]:
        """What a request asks for."""
        return self.shaped({"duration_seconds": self.seconds, "width": self.width, "height": self.height})

    def shaped(self, shape: Mapping[str, object]) -> Mapping[str, object]:
        """Return what a request for a shape asks for."""
        return {**shape, "audio": False} if self.silent else shape

    @property
    def account_id(self) -> str:
        """What its account is called."""
        return f"{self.name}-account"

    def account(self, url: str) -> Mapping[str, Any]:
        """Return the account, at the simulator that answers at `url`."""
        told: dict[str, Any] = {"id": self.account_id, "provider": self.provider, "endpoint": url + self.path}
        told |= {"secret": self.secret, "slots": 500, "exclusive": self.exclusive}
        if self.options:
            told["options"] = {name: value.format(url=url) for name, value in self.options.items()}
        if self.signed:
            by = {"secret": WEBHOOKS} if self.signed == "standard" else {"keys": f"{url}/.well-known/jwks.json"}
            told["webhooks"] = {"signed": self.signed, **by}
        return told


def _videos(name: str, sold: str, seconds: int, width: int = 1280, height: int = 720) -> Dialect:
    """Return a server of the OpenAI Videos dialect."""
    return Dialect(
        name,
        "provider-sora",
        ("reelmesh_provider_sora", name),
        sold,
        seconds,
        width,
        height,
        settings={"sora_name": f"sora-{name}", "sora_profile": name},
        path="/v1",
        exclusive=True,
        # Neither prompt nor seed stands in its list.
        told_apart=name != "sglang",
        shapes=SHAPES if name == "sglang" else (),
        silent=True,
        signed="standard" if name == "openai" else "",
    )


ALL: Sequence[Dialect] = (
    _videos("openai", "sora-2", 4),
    _videos("sglang", "Wan-AI/Wan2.2-TI2V-5B-Diffusers", 1, 832, 480),
    _videos("vllm-omni", "Wan-AI/Wan2.2-T2V-A14B-Diffusers", 1, 832, 480),
    _videos("litellm", "sora-2", 4),
    Dialect(
        "veo",
        "provider-veo",
        ("reelmesh_provider_veo", "veo"),
        "veo-3.1-fast-generate-001",
        4,
        options={"project": "films", "bucket": "clips", "storage_endpoint": "{url}"},
        secret=TOKEN,
    ),
    Dialect(
        "omni",
        "provider-omni",
        ("reelmesh_provider_omni", "omni"),
        "gemini-omni-1.2-flash@360p",
        3,
        640,
        360,
        signed="google",
    ),
    Dialect("runway", "provider-runway", ("reelmesh_provider_runway", "runway"), "gen4.5", 2),
    Dialect("fal", "provider-fal", ("reelmesh_provider_fal", "fal"), "fal-ai/veo3.1/fast", 4, signed="fal"),
)


def hurried(card: str) -> str:
    """Return a card whose vendor takes seconds, and whose models are not retired."""
    text = re.sub(r"^retires_on = .*\n", "", card, flags=re.MULTILINE)
    head, models, rest = text.partition("[[models]]")
    for name, value in HASTE.items():
        line, before = f"{name} = {value}\n", rf"^{name} = .*\n"
        if name in ONLY_IF_SHIPPED and not re.search(before, head, flags=re.MULTILINE):
            continue
        if name in OF_MODELS:
            rest = re.sub(before, line, rest, flags=re.MULTILINE)
        else:
            head = re.sub(before, "", head, flags=re.MULTILINE) + line
    return head + models + rest


def policies(chosen: Sequence[Dialect]) -> str:
    """Return a routing policy for each vendor, by which nobody else is paid: TOML."""
    return "\n".join(
        f'[[policies]]\nname = "{one.name}"\nonly_chain = true\nchain = ["{one.provider}/{one.model}"]'
        for one in chosen
    )
