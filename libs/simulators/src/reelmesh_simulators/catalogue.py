"""Every vendor that can be simulated, by name."""

from collections.abc import Callable, Mapping

from reelmesh_simulators import serving, vendor
from reelmesh_simulators.dialects import fal, litellm, omni, openai, runway, sglang, veo, vllm_omni

DIALECTS: Mapping[str, Callable[[vendor.Vendor], serving.Dialect]] = {
    made.name: made
    for made in (
        openai.OpenAI,
        openai.Retired,
        sglang.SGLang,
        vllm_omni.VLLMOmni,
        litellm.LiteLLM,
        veo.Veo,
        omni.Omni,
        runway.Runway,
        fal.Fal,
    )
}
