"""A simulated vendor in a process of its own: `python -m bench.inflight.vendor DIALECT [--webhook-url URL]`."""

import argparse
import asyncio
import signal

from reelmesh_kit import chance, clock, ids
from reelmesh_simulators import catalogue, clips, ledger, orders, serving, vendor, webhooks
from reelmesh_simulators.dialects import openai
from typing_extensions import override

# Jobs end when they are told to, so that nobody must look whether one was stopped.
NAP_SECONDS = 20.0
SECRET = b"the secret of the benchmark's webhooks"


class Frugal(vendor.Vendor):
    """Hands out small clips: what is measured is watching, not carrying."""

    @override
    async def content(self, look: vendor.Look, number: int = 0) -> bytes:
        """Return a clip of a few kilobytes."""
        del number
        self.asked["content"] = self.asked.get("content", 0) + 1
        return clips.clip(64, 36, 1, look.job.job_id, audio=False)


async def serve(dialect: str, webhook_url: str) -> None:
    """Serve until SIGTERM."""
    # Encoded once, before anybody waits for it: fal.ai's results tell the size of a clip.
    for size in ((64, 36, 1, False), (1280, 720, 4, False), (1280, 720, 4, True)):
        clips.clip(*size[:3], "", audio=size[3])
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    pace = orders.Pace(0.0, 0.0)
    seller = Frugal(ledger.Ledger(), clock.SystemClock(), chance.SystemChance(), ids.RandomIds(), pace)
    if dialect == openai.NAME:
        made: serving.Dialect = openai.OpenAI(seller, webhook_url=webhook_url, webhook_secret=SECRET)
    else:
        made = catalogue.DIALECTS[dialect](seller)
    async with serving.serve(made, seller) as served:
        print(f"ready {served.url}", flush=True)
        await stop.wait()
    seller.ledger.close()


def main() -> None:
    """Run the vendor that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dialect")
    parser.add_argument("--webhook-url", default="")
    told = parser.parse_args()
    webhooks.LONGEST_NAP_SECONDS = NAP_SECONDS
    asyncio.run(serve(told.dialect, told.webhook_url))


if __name__ == "__main__":
    main()
