"""How things move: easing curves and camera paths, pure functions of time."""

import math
from dataclasses import dataclass


def clamp(value: float) -> float:
    """`value` held within 0..1."""
    return min(1.0, max(0.0, value))


def progress(now_seconds: float, start_seconds: float, length_seconds: float) -> float:
    """How far `now` is through an interval, 0..1; an empty interval is a step."""
    if length_seconds <= 0:
        return 1.0 if now_seconds >= start_seconds else 0.0
    return clamp((now_seconds - start_seconds) / length_seconds)


def ease_out(part: float) -> float:
    """Fast start, long settling (quintic): for what arrives."""
    return 1.0 - (1.0 - clamp(part)) ** 5


def ease_in(part: float) -> float:
    """Slow start (cubic): for what leaves."""
    return clamp(part) ** 3


def ease_in_out(part: float) -> float:
    """Smooth at both ends (smootherstep): for cross-fades and camera moves."""
    part = clamp(part)
    return part * part * part * (part * (part * 6 - 15) + 10)


@dataclass(frozen=True, slots=True)
class Framing:
    """What the camera sees: a centre within 0..1 of the plate and a zoom (1 = the widest view that fills the frame)."""

    centre_x: float
    centre_y: float
    zoom: float


@dataclass(frozen=True, slots=True)
class CameraMove:
    """A straight Ken Burns move from one framing to another."""

    start: Framing
    end: Framing

    def at(self, part: float) -> Framing:
        """The framing at 0..1 of the move; zoom runs exponentially, so that its speed looks constant."""
        part = clamp(part)
        # Mostly linear: a camera that never stands still, but starts and ends gently.
        eased = 0.7 * part + 0.3 * ease_in_out(part)
        return Framing(
            self.start.centre_x + (self.end.centre_x - self.start.centre_x) * eased,
            self.start.centre_y + (self.end.centre_y - self.start.centre_y) * eased,
            self.start.zoom * math.pow(self.end.zoom / self.start.zoom, eased),
        )


def view_box(framing: Framing, plate: tuple[int, int], frame: tuple[int, int]) -> tuple[float, float, float, float]:
    """What fills the frame: left, top, right, bottom in fractional pixels, always inside the plate."""
    plate_width, plate_height = plate
    fill = min(plate_width / frame[0], plate_height / frame[1]) / framing.zoom
    width, height = frame[0] * fill, frame[1] * fill
    left = min(max(framing.centre_x * plate_width - width / 2, 0.0), plate_width - width)
    top = min(max(framing.centre_y * plate_height - height / 2, 0.0), plate_height - height)
    return left, top, min(left + width, float(plate_width)), min(top + height, float(plate_height))
