"""Makes the ladder: clips in, renditions, poster, thumbnail and findings out, with one decode of every picture."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

from reelmesh_media.engine import encoders, files, frames, packets, pictures, probe, sound, stills
from reelmesh_media.model import colours, copying, findings, ladder, refusals, video
from reelmesh_media.model import loudness as loudness_model

Report = Callable[[ladder.Progress], None]
SOUND_FILE = "sound.m4a"


@dataclasses.dataclass(frozen=True, slots=True)
class _Source:
    path: Path
    facts: video.MediaFacts
    timeline: probe.Timeline


@dataclasses.dataclass(frozen=True, slots=True)
class _Plan:
    """What will be done. `packets` is empty when the top rung is encoded, for the reasons in `refusals`."""

    clips: tuple[frames.Clip, ...]
    packets: tuple[packets.PacketClip, ...]
    refusals: tuple[str, ...]
    rungs: tuple[ladder.Rung, ...]
    canvas: video.Size
    rate: Fraction
    colour: colours.Colour

    def encoded(self, reason: str) -> "_Plan":
        """The same with its top rung encoded, for one more reason."""
        return dataclasses.replace(self, packets=(), refusals=(*self.refusals, reason))

    @property
    def frame_total(self) -> int:
        return sum(clip.frames for clip in self.clips)

    @property
    def seconds(self) -> float:
        return float(self.frame_total / self.rate)

    @property
    def join(self) -> ladder.Join:
        if len(self.clips) == 1:
            return ladder.Join.SINGLE
        return ladder.Join.PACKETS if self.packets else ladder.Join.FRAMES


@dataclasses.dataclass(frozen=True, slots=True)
class _Sound:
    """Where the rungs copy their sound from; None for a silent film."""

    path: Path | None
    loudness: loudness_model.Loudness | None
    findings: tuple[findings.Finding, ...]


class _Stopwatch:
    """CPU seconds per stage, all threads together."""

    def __init__(self) -> None:
        self._last = time.process_time()
        self.laps: list[float] = []

    def lap(self) -> None:
        now = time.process_time()
        self.laps.append(round(now - self._last, 3))
        self._last = now


def no_report(progress: ladder.Progress) -> None:
    """For callers who do not watch."""
    del progress


def make(request: ladder.LadderRequest, progress: Report = no_report) -> ladder.LadderResult:
    """Make every rendition, the poster and the thumbnail, and check the picture and the sound on the way.

    The folder holds `<short side>p.mp4` per rung, `poster.jpg` and `thumbnail.jpg` afterwards; nothing appears under
    these names before it is complete.

    Raises:
        refusals.VideoRefused: one of the clips cannot be used.
        refusals.OutputNotWritten: a result could not be written.
    """
    files.sweep(request.folder)
    try:
        return _make(request, progress)
    finally:
        files.sweep(request.folder)


def _make(request: ladder.LadderRequest, progress: Report) -> ladder.LadderResult:
    watch = _Stopwatch()
    plan = _plan(request, [_measure(path, progress) for path in _checked_clips(request)])
    watch.lap()
    heard = _make_sound(request, plan, progress)
    watch.lap()
    plan = _copy_top(request, plan, heard, progress)
    watch.lap()
    seen = _encode(request, plan, heard, progress)
    expected = _expected_frames(plan)
    if plan.packets and (seen.tally.reshaped or seen.tally.undecodable or seen.tally.decoded < expected):
        # Only now is it known, and such packets are not handed on to anybody's player.
        plan = plan.encoded("not every packet decodes to a frame of the right size")
        seen = _encode(request, plan, heard, progress)
    watch.lap()
    poster, thumbnail = stills.poster_and_thumbnail(seen.still, request.folder)
    renditions = tuple(
        _publish(request.folder, rung, plan, copied=bool(plan.packets) and rung is plan.rungs[0]) for rung in plan.rungs
    )
    watch.lap()
    return ladder.LadderResult(
        renditions=renditions,
        poster=poster,
        thumbnail=thumbnail,
        findings=(*_damage(request, plan, seen, expected), *seen.black, *seen.frozen, *heard.findings),
        join=plan.join,
        copy_refusals=plan.refusals,
        frame_rate=plan.rate,
        frame_count=plan.frame_total,
        duration_seconds=plan.seconds,
        decoded_frames=seen.tally.decoded,
        expected_frames=expected,
        corrupt_frames=len(seen.tally.corrupt),
        loudness=heard.loudness,
        timings=ladder.Timings(*watch.laps),
    )


def _checked_clips(request: ladder.LadderRequest) -> tuple[Path, ...]:
    if not 1 <= len(request.clips) <= ladder.MAX_CLIPS:
        raise refusals.VideoRefused(f"{len(request.clips)} clips, 1 to {ladder.MAX_CLIPS} can be joined")
    return request.clips


def _measure(path: Path, progress: Report) -> _Source:
    facts, timeline = probe.measure(path)
    progress(ladder.Progress("probe", 1.0))
    return _Source(path, facts, timeline)


def _plan(request: ladder.LadderRequest, sources: Sequence[_Source]) -> _Plan:
    first = sources[0].facts.video
    rate = video.output_rate(first)
    total_seconds = sum(source.facts.video.duration_seconds for source in sources)
    if broken := video.limits_broken(1, 1, request.wanted_seconds or total_seconds, 1):
        raise refusals.VideoTooLarge(broken)
    allotted = ladder.allot([source.facts.video.duration_seconds for source in sources], rate, request.wanted_seconds)
    used = [(source, count) for source, count in zip(sources, allotted, strict=True) if count > 0]
    reasons, taken = _packets_of(used, request)
    if taken:
        used = [(source, clip.packets) for (source, _), clip in zip(used, taken, strict=True)]
    shown = first.shown
    return _Plan(
        clips=tuple(frames.Clip(source.path, source.facts, count) for source, count in used),
        packets=taken,
        refusals=reasons,
        rungs=ladder.rungs(shown, request.rungs, request.top_bits_per_second),
        canvas=shown,
        rate=rate,
        colour=colours.delivered(first.colour, shown.short_side),
    )


def _packets_of(
    used: Sequence[tuple[_Source, int]], request: ladder.LadderRequest
) -> tuple[tuple[str, ...], tuple[packets.PacketClip, ...]]:
    """The packets that make the top rung without encoding; or the reasons why there are none."""
    reasons = [
        f"{source.path.name}: {reason}"
        for source, _ in used
        for reason in copying.video_copy_refusals(source.facts, request.top_bits_per_second)
    ]
    if not reasons and not copying.joinable([source.facts.video for source, _ in used]):
        reasons.append("the clips differ in size, frame rate or codec parameters")
    reasons += [f"{source.path.name}: an edit list hides frames" for source, _ in used if source.timeline.hidden]
    taken: list[packets.PacketClip] = []
    for source, count in used:
        ticks = source.timeline.presentation_ticks
        # Only the last clip may be trimmed; the tolerance also takes in a clip that is one frame longer than wanted.
        kept = copying.prefix_cut(ticks, count)
        if kept is None:
            reasons.append(f"{source.path.name}: frame {count} cannot be the last without encoding anew")
        else:
            taken.append(packets.PacketClip(source.path, kept, min(ticks)))
    return tuple(reasons), () if reasons else tuple(taken)


def _make_sound(request: ladder.LadderRequest, plan: _Plan, progress: Report) -> _Sound:
    if all(clip.facts.audio is None for clip in plan.clips):
        return _Sound(None, None, (findings.Finding(findings.FindingKind.NO_AUDIO, 0.0, plan.seconds),))
    clips = _sound_clips(plan)
    measured = sound.measure(clips)
    progress(ladder.Progress("sound", 0.5))
    gain_db = loudness_model.gain_db(measured.loudness.integrated_lufs, measured.loudness.true_peak_dbtp, plan.seconds)
    if request.normalisation is loudness_model.Normalisation.NEVER:
        gain_db = 0.0
    always = request.normalisation is loudness_model.Normalisation.ALWAYS
    path = files.part(request.folder / SOUND_FILE)
    if _sound_may_be_copied(plan) and not (always and gain_db):
        # Packets that no muxer takes are decoded as far as that goes, and encoded.
        with contextlib.suppress(refusals.NotEncodable):
            sound.extract(plan.clips[0].path, path)
            return _Sound(path, measured.loudness, measured.silent)
    sound.encode(clips, gain_db, path)
    progress(ladder.Progress("sound", 1.0))
    return _Sound(path, dataclasses.replace(measured.loudness, gain_db=gain_db), measured.silent)


def _sound_clips(plan: _Plan) -> list[sound.SoundClip]:
    """Each clip's share of samples, counted on the running total of frames so that sound never drifts."""
    clips: list[sound.SoundClip] = []
    frames_before = samples_before = 0
    for clip in plan.clips:
        frames_before += clip.frames
        samples = round(frames_before / plan.rate * sound.SAMPLE_RATE_HZ)
        facts = clip.facts
        has_audio = facts.audio is not None
        clips.append(sound.SoundClip(clip.path, has_audio, facts.video.start_seconds, samples - samples_before))
        samples_before = samples
    return clips


def _sound_may_be_copied(plan: _Plan) -> bool:
    """Only the whole sound of a single untrimmed clip may be copied, and only beside a picture that starts at 0."""
    facts = plan.clips[0].facts
    alone = len(plan.clips) == 1 and facts.container == "mp4" and abs(facts.video.start_seconds) < 1 / plan.rate
    return alone and facts.audio is not None and not copying.audio_copy_refusals(facts.audio, plan.seconds)


def _copy_top(request: ladder.LadderRequest, plan: _Plan, heard: _Sound, progress: Report) -> _Plan:
    """Copy the top rung where that is possible; returns the plan for what is left to do."""
    if not plan.packets:
        return plan
    top = plan.rungs[0]
    try:
        written = packets.join(plan.packets, plan.rate, heard.path, _output(request.folder, top))
    except refusals.NotEncodable as error:
        return plan.encoded(f"its packets do not fit into an MP4: {error.reason}")
    _check_written(top, written, plan.frame_total)
    progress(ladder.Progress("copy", 1.0))
    return plan


def _encode(request: ladder.LadderRequest, plan: _Plan, heard: _Sound, progress: Report) -> pictures.Seen:
    rungs = plan.rungs[1:] if plan.packets else plan.rungs
    lanes = [
        encoders.EncoderLane(rung, _output(request.folder, rung), plan.rate, plan.colour, heard.path) for rung in rungs
    ]
    try:
        run = pictures.Pass(plan.canvas, plan.rate, plan.colour, plan.frame_total, lanes)
        seen = run.run(plan.clips, lambda share: progress(ladder.Progress("encode", share)))
        for lane in lanes:
            lane.finish()
    except BaseException:
        for lane in lanes:
            lane.abandon()
        raise
    if seen is None:
        raise refusals.BrokenVideo("no frame decodes")
    for lane in lanes:
        _check_written(lane.rung, lane.frames_written, seen.frame_count)
    return seen


def _output(folder: Path, rung: ladder.Rung) -> Path:
    return folder / f"{rung.label}.mp4"


def _check_written(rung: ladder.Rung, written: int, wanted: int) -> None:
    if written != wanted:
        raise refusals.OutputNotWritten(f"{rung.label}: {written} frames written of {wanted}")


def _publish(folder: Path, rung: ladder.Rung, plan: _Plan, *, copied: bool) -> ladder.Rendition:
    file = files.publish(_output(folder, rung), rung.size.width, rung.size.height)
    return ladder.Rendition(rung.label, file, plan.seconds, round(file.size_bytes * 8 / plan.seconds), copied)


def _expected_frames(plan: _Plan) -> int:
    """How many source frames the used stretch of every clip holds."""
    used = (
        min(clip.facts.video.frame_count, round(clip.frames / plan.rate * clip.facts.video.frame_rate))
        for clip in plan.clips
    )
    return sum(used)


def _damage(
    request: ladder.LadderRequest, plan: _Plan, seen: pictures.Seen, expected: int
) -> tuple[findings.Finding, ...]:
    kinds, found = findings.FindingKind, list[findings.Finding]()
    if corrupt := seen.tally.corrupt:
        start, end = float(corrupt[0] / plan.rate), float((corrupt[-1] + 1) / plan.rate)
        found.append(findings.Finding(kinds.CORRUPT_FRAMES, start, end, f"{len(corrupt)} frames are damaged"))
    tones = sorted({hdr for clip in plan.clips if (hdr := clip.facts.video.colour.hdr)})
    if tones:
        detail = f"{' and '.join(tones)} (HDR) was mapped to SDR"
        found.append(findings.Finding(kinds.TONE_MAPPED, 0.0, plan.seconds, detail))
    if seen.tally.decoded < expected:
        missing = f"{seen.tally.decoded} of {expected} frames decode"
        found.append(findings.Finding(kinds.MISSING_FRAMES, 0.0, plan.seconds, missing))
    wanted = request.wanted_seconds or 0.0
    if wanted - plan.seconds > 1 / plan.rate:
        detail = f"{plan.seconds:.3f} s of {wanted:.3f} s asked for"
        found.append(findings.Finding(kinds.SHORTER_THAN_ASKED, plan.seconds, wanted, detail))
    return tuple(found)
