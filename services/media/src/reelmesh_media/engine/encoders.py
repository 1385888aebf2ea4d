"""Encodes one rung per thread: FFmpeg works outside the interpreter's lock, so the rungs share the cores."""

import queue
import threading
from fractions import Fraction
from pathlib import Path

import av
import av.container
import av.packet
import av.video.frame
import av.video.stream

from reelmesh_media.engine import files, opening, sound
from reelmesh_media.model import ladder
from reelmesh_media.model.colours import Colour

QUEUE_FRAMES = 4
POLL_SECONDS = 0.5
QUALITY_CRF = 23
PRESET = "veryfast"
BUFFER_SECONDS = 2
ENCODER_THREADS_PER_TWO_CORES = 3
MP4_OPTIONS = {
    # Offsets below zero let pictures start at 0 also where an edit list is not obeyed.
    "movflags": "+faststart+negative_cts_offsets",
    # Sound is handed over first; without this the muxer stops waiting for pictures after ten seconds of it.
    "max_interleave_delta": "0",
}


class EncoderLane:
    """A thread that encodes and writes one rung, fed through a bounded queue.

    Whoever feeds it calls `feed` per frame, then `finish`; or `abandon` when anything went wrong.
    """

    def __init__(self, rung: ladder.Rung, path: Path, rate: Fraction, colour: Colour, sound_path: Path | None) -> None:
        self.rung = rung
        self.path = path
        self.frames_written = 0
        self._rate, self._colour, self._sound_path = rate, colour, sound_path
        self._queue: queue.Queue[av.video.frame.VideoFrame | None] = queue.Queue(QUEUE_FRAMES)
        self._abandoned = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"encode-{rung.label}", daemon=True)
        self._thread.start()

    def feed(self, frame: av.video.frame.VideoFrame | None) -> None:
        """Hand over a frame, waiting for room; None ends the stream.

        Raises:
            refusals.OutputNotWritten: the thread could not write.
        """
        while True:
            if self._failure is not None:
                raise self._failure
            try:
                return self._queue.put(frame, timeout=POLL_SECONDS)
            except queue.Full:
                continue

    def finish(self) -> None:
        """Wait until the file is complete; raises like `feed`."""
        self.feed(None)
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def abandon(self) -> None:
        """Stop without finishing the file, and wait for the thread to end."""
        self._abandoned.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            with files.writing():
                self._write()
        except BaseException as failure:  # noqa: BLE001 - carried to the thread that feeds, which raises it
            self._failure = failure

    def _write(self) -> None:
        with av.open(str(files.part(self.path)), "w", format="mp4", options=MP4_OPTIONS) as output:
            stream = self._add_video(output)
            sound.copy_into(output, self._sound_path)
            while (frame := self._next()) is not None:
                # A decoded frame remembers its type, which would force the source's key frames upon us.
                frame.pict_type = 0
                self._mux(output, stream, frame)
            self._mux(output, stream, None)

    def _next(self) -> av.video.frame.VideoFrame | None:
        while not self._abandoned.is_set():
            try:
                return self._queue.get(timeout=POLL_SECONDS)
            except queue.Empty:
                continue
        return None

    def _mux(
        self,
        output: av.container.OutputContainer,
        stream: av.video.stream.VideoStream,
        frame: av.video.frame.VideoFrame | None,
    ) -> None:
        packets: list[av.packet.Packet[av.video.stream.VideoStream]] = stream.encode(frame)  # pyright: ignore[reportUnknownVariableType]
        for packet in packets:
            output.mux(packet)
            self.frames_written += 1

    def _add_video(self, output: av.container.OutputContainer) -> av.video.stream.VideoStream:
        cap = self.rung.max_bits_per_second
        options = {
            "preset": PRESET,
            "crf": str(QUALITY_CRF),
            "maxrate": str(cap),
            "bufsize": str(cap * BUFFER_SECONDS),
            "profile": "high",
        }
        stream = output.add_stream("libx264", rate=self._rate, options=options)
        stream.width, stream.height = self.rung.size.width, self.rung.size.height
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = 1 / self._rate
        stream.gop_size = max(1, round(self._rate * ladder.GROUP_SECONDS))
        # Slices, PyAV's default, would cost a third of the speed.
        stream.thread_type = "FRAME"
        stream.thread_count = ENCODER_THREADS_PER_TWO_CORES * opening.threads() // 2
        stream.codec_context.color_range = self._colour.range
        stream.codec_context.color_primaries = self._colour.primaries
        stream.codec_context.color_trc = self._colour.transfer
        stream.codec_context.colorspace = self._colour.matrix
        return stream
