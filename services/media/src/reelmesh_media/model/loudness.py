"""How loud a sound is and by how much it may be changed: one linear gain, never a limiter, so nothing is distorted."""

import dataclasses
import enum

TARGET_LUFS = -14.0
TRUE_PEAK_CEILING_DBTP = -1.0
TOLERANCE_LU = 1.0
MIN_SECONDS = 3.0
MIN_LUFS = -60.0
MAX_GAIN_DB = 30.0


class Normalisation(enum.StrEnum):
    """When the loudness is brought to the target."""

    WHEN_ENCODED = "when_encoded"
    ALWAYS = "always"
    NEVER = "never"


@dataclasses.dataclass(frozen=True, slots=True)
class Loudness:
    """Measured by EBU R128: integrated loudness in LUFS, true peak in dBTP (both at least -120)."""

    integrated_lufs: float
    true_peak_dbtp: float
    gain_db: float = 0.0


def gain_db(integrated_lufs: float, true_peak_dbtp: float, seconds: float) -> float:
    """The gain in dB towards the target that keeps the true peak below its ceiling; 0 when the sound is left alone."""
    if seconds < MIN_SECONDS or integrated_lufs < MIN_LUFS:
        return 0.0
    wanted = TARGET_LUFS - integrated_lufs
    if abs(wanted) <= TOLERANCE_LU:
        return 0.0
    room = TRUE_PEAK_CEILING_DBTP - true_peak_dbtp
    # Turning down is always safe; turning up ends where the peak would clip.
    allowed = wanted if wanted < 0 else max(0.0, min(wanted, room))
    return round(max(-MAX_GAIN_DB, min(MAX_GAIN_DB, allowed)), 2)
