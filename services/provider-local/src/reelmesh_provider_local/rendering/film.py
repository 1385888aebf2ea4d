"""The film itself: every layer of one moment put together, frame after frame, into a file."""

import collections
import hashlib
import pathlib
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image
from reelmesh_lettering import direction, fonts, palette, typography, wording

from reelmesh_provider_local.rendering import (
    backdrop,
    canvas,
    encoding,
    model,
    motifs,
    motion,
    pictures,
    sound,
    storyboard,
    titles,
)

PARTIAL_SUFFIX = ".part"
FRAMES_AHEAD = 4
# Under titles, an image is darkened until its bright parts fall to this luma (0..1), but never beyond the floor.
READABLE_LUMA = 0.34
DARKEST_SCRIM = 0.42
SCRIM_RAMP_PART = 0.26


@dataclass(frozen=True, slots=True)
class _Shot:
    """A scene with its plate and the camera's move over it."""

    scene: storyboard.Scene
    plate: pictures.Plate
    move: motion.CameraMove


class Film:
    """Everything of a film that does not change from frame to frame; `frame()` adds what does."""

    def __init__(self, spec: model.RenderSpec, folders: Sequence[pathlib.Path]) -> None:
        self._size = (spec.width, spec.height)
        self._fps = spec.fps
        rng = np.random.default_rng(_chance(spec))
        images = [pictures.decode(data, f"image {index + 1}") for index, data in enumerate(spec.images)]
        opening = None if spec.first_frame is None else pictures.decode(spec.first_frame, "the first frame")
        closing = None if spec.last_frame is None else pictures.decode(spec.last_frame, "the last frame")
        typesetter = typography.Typesetter(fonts.FontBook(folders))
        text, missing = typesetter.drawable(wording.tidy(spec.prompt))
        self.plan = storyboard.plan(
            text,
            spec.frame_count / spec.fps,
            spec.width > spec.height,
            len(images),
            opened=opening is not None,
            continued=spec.continued or closing is not None,
        )
        self.warnings = _warnings(self.plan, missing)
        self._colours = palette.from_images(images, rng) if images else palette.from_words(spec.prompt, rng)
        layout = _layout(spec, text, rng)
        self._backdrop = backdrop.Backdrop(self._size, self._colours, layout.quiet, rng)
        self._motif = motifs.choose(self._size, layout.quiet, self._colours, self.plan.duration_seconds, rng)
        self._grain = backdrop.Grain(self._size, rng)
        self._shots = _shots(self.plan, images, self._size, rng)
        self._opening = None if opening is None else pictures.exact_plate(opening, self._size)
        self._closing = None if closing is None else pictures.exact_plate(closing, self._size)
        self._last_seconds = (spec.frame_count - 1) / spec.fps
        self._closing_seconds = min(storyboard.CLEAR_SECONDS, self._last_seconds * storyboard.CLEAR_PART)
        self._cards = _cards(self.plan, typesetter, layout, self._colours)
        highest = min((box[1] for box in self.title_boxes), default=spec.height * 0.7)
        plates = [shot.plate for shot in self._shots]
        self._shade = canvas.Shade.of(_scrim(plates, layout, highest)) if images else None
        self._furniture = titles.Furniture(self.plan, typesetter, layout, self._colours, progress=spec.alone)

    @property
    def title_boxes(self) -> tuple[tuple[float, float, float, float], ...]:
        """Where each card's text stands: left, top, right, bottom in pixels."""
        return tuple(card.box for card in self._cards)

    def frame(self, index: int) -> canvas.Canvas:
        """The picture of one frame."""
        seconds = index / self._fps
        taken = motion.ease_in_out(
            motion.progress(seconds, self._last_seconds - self._closing_seconds, self._closing_seconds)
        )
        if self._closing is None or taken <= 0:
            return self._played(index, seconds)
        closing = self._closing.seen(motion.Framing(0.5, 0.5, 1.0), self._size)
        if taken >= 1:
            return closing
        picture = self._played(index, seconds)
        picture.blend(closing, taken)
        return picture

    def _played(self, index: int, seconds: float) -> canvas.Canvas:
        """What is seen until a given last frame takes over."""
        given = 1 - motion.ease_in_out(motion.progress(seconds, 0.12, self.plan.opening_seconds - 0.12))
        if self._opening is not None and given >= 1:
            return self._opened(self._opening, seconds)
        picture = self._scene(seconds)
        for card in self._cards:
            card.draw(picture, seconds)
        self._furniture.draw(picture, seconds)
        picture.grain(self._grain.at(index))
        if self._opening is not None and given > 0:
            picture.blend(self._opened(self._opening, seconds), given)
        return picture

    def _opened(self, plate: pictures.Plate, seconds: float) -> canvas.Canvas:
        """The given first frame, from rest into a slow push."""
        zoom = 1 + 0.05 * motion.clamp(seconds / max(self.plan.opening_seconds, 0.1)) ** 2
        return plate.seen(motion.Framing(0.5, 0.5, zoom), self._size)

    def _scene(self, seconds: float) -> canvas.Canvas:
        picture: canvas.Canvas | None = None
        for shot in self._shots:
            scene = shot.scene
            if not scene.start_seconds <= seconds < scene.end_seconds + 1e-6:
                continue
            part = motion.progress(seconds, scene.start_seconds, scene.end_seconds - scene.start_seconds)
            seen = shot.plate.seen(shot.move.at(part), self._size)
            if picture is None:
                picture = seen
            else:
                picture.blend(
                    seen, motion.ease_in_out(motion.progress(seconds, scene.start_seconds, scene.fade_seconds))
                )
        if picture is None:
            picture = self._backdrop.at(seconds)
            self._motif.draw(picture, seconds, self.plan.duration_seconds)
            return picture
        if self._shade is not None:
            picture.shade(self._shade)
        return picture


def render(
    spec: model.RenderSpec,
    path: pathlib.Path,
    on_progress: Callable[[float], None],
    cancelled: Callable[[], bool],
    font_folders: Sequence[pathlib.Path] = fonts.SYSTEM_FOLDERS,
) -> model.RenderReport:
    """Render a film into an MP4 (H.264 High, AAC-LC, index first); CPU-bound, so run it in a worker process.

    The file appears under its name complete or not at all. Equal specs on equal fonts make equal files.

    Args:
        path: where the film goes; its folder must exist.
        on_progress: told 0..1, once a frame.
        cancelled: asked once a bar of the sound and once a frame.
        font_folders: where to look for fonts beside the packaged family.

    Raises:
        RenderCancelled: `cancelled` said yes; no file was left.
        UnreadableImage: an image cannot be decoded; the message says which.
    """
    if cancelled():
        raise model.RenderCancelled
    film = Film(spec, font_folders)
    samples = sound.bed(_chance(spec), spec.frame_count / spec.fps, cancelled) if spec.audio else None
    partial = path.with_name(path.name + PARTIAL_SUFFIX)
    try:
        _write(film, spec, partial, samples, on_progress, cancelled)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return model.RenderReport(
        frames=spec.frame_count,
        duration_seconds=spec.frame_count / spec.fps,
        size_bytes=path.stat().st_size,
        warnings=film.warnings,
    )


def _write(
    film: Film,
    spec: model.RenderSpec,
    path: pathlib.Path,
    samples: npt.NDArray[np.float32] | None,
    on_progress: Callable[[float], None],
    cancelled: Callable[[], bool],
) -> None:
    with encoding.writing(path, (spec.width, spec.height), spec.fps, samples) as writer:
        for index, picture in enumerate(_composed(film, spec.frame_count)):
            if cancelled():
                raise model.RenderCancelled
            writer.add(picture)
            on_progress((index + 1) / spec.frame_count)


def _composed(film: Film, count: int) -> Iterator[canvas.Canvas]:
    """The frames in order, drawn in a thread of their own a little ahead of the encoder (both run without the GIL)."""
    with futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="compose") as pool:
        waiting: collections.deque[futures.Future[canvas.Canvas]] = collections.deque()
        try:
            for index in range(count):
                waiting.append(pool.submit(film.frame, index))
                if len(waiting) > FRAMES_AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _chance(spec: model.RenderSpec) -> list[int]:
    """Where a film's randomness starts: its seed and its words."""
    digest = hashlib.sha256(spec.prompt.encode("utf-8", "surrogatepass")).digest()
    return [spec.seed % 2**64, int.from_bytes(digest[:8], "big")]


def _warnings(plan: storyboard.Storyboard, missing: tuple[str, ...]) -> tuple[str, ...]:
    warnings: list[str] = []
    if missing:
        warnings.append(f"no font on this machine has glyphs for: {', '.join(missing)}; left out")
    if plan.shown_units < plan.asked_units:
        part = 100 * plan.shown_units // plan.asked_units
        warnings.append(
            f"{plan.duration_seconds:g} s are too short to read the whole prompt; its first {part} % are shown"
        )
    return tuple(warnings)


def _layout(spec: model.RenderSpec, text: str, rng: np.random.Generator) -> titles.Layout:
    anchors = [titles.Anchor.CENTRE, titles.Anchor.LOWER]
    if spec.width > spec.height:
        anchors.append(titles.Anchor.SIDE)
    choice = int(rng.integers(len(anchors)))
    # Over images the middle belongs to the picture.
    anchor = titles.Anchor.LOWER if spec.images else anchors[choice]
    return titles.Layout(spec.width, spec.height, anchor, direction.of_paragraph(text) == "rtl", bool(spec.images))


def _shots(
    plan: storyboard.Storyboard, images: Sequence[Image.Image], size: tuple[int, int], rng: np.random.Generator
) -> tuple[_Shot, ...]:
    plates = [pictures.plate(image, size) for image in images]
    return tuple(
        _Shot(scene, plates[scene.image], pictures.camera_move(plates[scene.image], size, rng)) for scene in plan.scenes
    )


def _cards(
    plan: storyboard.Storyboard,
    typesetter: typography.Typesetter,
    layout: titles.Layout,
    colours: palette.Palette,
) -> tuple[titles.TitleCard, ...]:
    return tuple(
        titles.TitleCard(
            card, typesetter, layout, colours, stays=plan.stay and card.end_seconds >= plan.duration_seconds
        )
        for card in plan.cards
    )


def _scrim(plates: Sequence[pictures.Plate], layout: titles.Layout, top: float) -> canvas.Plane:
    """The light that the images keep, (height, width) of 0..255: less from `top` down, as much less as titles need."""
    part = top / layout.height
    brightest = max(_bright_luma(plate, part) for plate in plates)
    darkest = min(0.8, max(DARKEST_SCRIM, READABLE_LUMA / max(brightest, 0.01)))
    y = np.linspace(0, 1, layout.height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, layout.width, dtype=np.float32)[None, :]
    rise = np.clip((y - part + SCRIM_RAMP_PART) / (SCRIM_RAMP_PART + 0.04), 0, 1)
    fall = rise * rise * (3 - 2 * rise)
    vignette = 1 - 0.16 * np.clip(x * x + (2 * y - 1) ** 2 - 0.5, 0, 1)
    return np.rint(255 * (1 - (1 - darkest) * fall) * vignette).astype(np.uint8)


def _bright_luma(plate: pictures.Plate, top_part: float) -> float:
    """The 90th percentile of luma where titles will stand, 0..1."""
    height = plate.luma.size[1]
    below = Image.fromarray(plate.luma.plane[min(height - 2, round(height * top_part)) :])
    return float((np.percentile(np.asarray(below.resize((64, 36), Image.Resampling.BOX)), 90) - 16) / 219)
