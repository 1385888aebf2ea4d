"""A server of one's own that speaks OpenAI's dialect, as vLLM-Omni does: its card, in a hurry, and its account."""

# A film of a second.
PRICE_MICROS = 100_000
CARD = """
recovery = "LISTING"
creation_delay_seconds = 2
listing_delay_seconds = 1
cancellable = true
gone = { times = 3, over_seconds = 2 }
pace = { first_seconds = 0.2, longest_seconds = 1, growth = 1.2 }
[[models]]
model = "Wan-AI/Wan2.2-T2V-A14B-Diffusers"
shortest_seconds = 1
longest_seconds = 5
largest_pixels = 2000000
seed = true
longest_prompt = 10000
longest_render_seconds = 60
seconds_per_second = 1
[[models.prices]]
effective_on = 2025-01-01
micros_per_second = 100000
"""
ACCOUNTS = """
accounts:
  - id: gpu
    provider: sora
    endpoint: {url}/v1
    slots: 100
    exclusive: true
"""
