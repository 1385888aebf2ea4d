"""Titles on the picture: where they stand, how lines come and go, the progress line and the end card."""

import enum
from dataclasses import dataclass

from reelmesh_lettering import direction, fonts, palette, typography, wording

from reelmesh_provider_local.rendering import canvas, motion, sprites, storyboard

MARGIN_PART = 0.075
"""Safe margin on each side, as a part of the shorter side."""
ENTRANCE_SECONDS = 0.85
EXIT_SECONDS = 0.4
STAGGER_SECONDS = 0.1
SUPPORT_DELAY_SECONDS = 0.35
STANDING_PUSH = 0.018
SHADOW_OPACITY = 0.4
OVER_IMAGES_SCALE = 0.78


class Anchor(enum.Enum):
    """Where a film's titles stand."""

    CENTRE = (0.0, 0.0)
    SIDE = (-0.6, 0.0)
    LOWER = (-0.5, 0.6)


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """A line ready to be drawn: its sprite and shadow, the sprite's corner at rest, and when it begins to come."""

    sprite: canvas.Sprite
    shadow: canvas.Sprite
    left: float
    top: float
    size: int
    delay_seconds: float


@dataclass(frozen=True, slots=True)
class Layout:
    """The room for titles in a frame, in pixels; `right_to_left` mirrors everything that stands at a side, and
    titles `over_images` are smaller, to leave them in sight."""

    width: int
    height: int
    anchor: Anchor
    right_to_left: bool
    over_images: bool

    @property
    def margin(self) -> float:
        """Pixels kept free on every side."""
        return MARGIN_PART * min(self.width, self.height)

    @property
    def unit(self) -> float:
        """Pixels of a hundredth of the shorter side."""
        return min(self.width, self.height) / 100

    @property
    def quiet(self) -> tuple[float, float]:
        """Where titles stand, as (x, y) in -1..1 of the frame."""
        x, y = self.anchor.value
        return -x if self.right_to_left else x, y

    @property
    def centred(self) -> bool:
        """Whether lines are centred rather than set from the side where reading begins."""
        return self.anchor is Anchor.CENTRE

    def space(self) -> tuple[float, float]:
        """(width, height) in pixels that a card may fill when it is set; the push needs the rest."""
        wide = self.width / self.height > 1.2
        across = 1.0 if not wide else 0.86 if self.centred else 0.74
        down = 0.66 if wide else 0.56
        grown = 1 + STANDING_PUSH
        return (self.width - 2 * self.margin) * across / grown, (self.height - 2 * self.margin) * down / grown


class TitleCard:
    """One card of the storyboard, set and drawn once, then moved."""

    def __init__(
        self,
        card: storyboard.Card,
        typesetter: typography.Typesetter,
        layout: Layout,
        colours: palette.Palette,
        stays: bool,
    ) -> None:
        self._card = card
        self._layout = layout
        self._colours = colours
        self._stays = stays
        headline, support = _blocks(card, typesetter, layout)
        self._lines, self.box = self._placed(headline, support)

    def draw(self, picture: canvas.Canvas, seconds: float) -> None:
        """Draw the card as it stands at a moment of the film; nothing before it begins or after it ends."""
        if not self._card.start_seconds <= seconds < self._card.end_seconds + 1e-6:
            return
        self._draw_tick(picture, seconds)
        for line in self._lines:
            self._draw_line(picture, line, seconds)

    def _draw_line(self, picture: canvas.Canvas, line: PlacedLine, seconds: float) -> None:
        arrived = motion.progress(seconds, self._card.start_seconds + line.delay_seconds, self._entrance())
        gone = self._gone(seconds)
        opacity = motion.ease_in_out(arrived * 1.6) * (1 - motion.ease_in(gone))
        lift = line.size * (0.55 * (1 - motion.ease_out(arrived)) - 0.22 * motion.ease_in(gone))
        scale = self._scale(seconds)
        pivot_x, pivot_y = self._pivot()
        left = pivot_x + (line.left - pivot_x) * scale
        top = pivot_y + (line.top - pivot_y) * scale + lift
        beside, above = (
            scale * (shadow - own) / 2 for shadow, own in zip(line.shadow.size, line.sprite.size, strict=True)
        )
        picture.place(line.shadow, left - beside, top - above, opacity * SHADOW_OPACITY, scale)
        picture.place(line.sprite, left, top, opacity, scale)

    def _draw_tick(self, picture: canvas.Canvas, seconds: float) -> None:
        """A short stroke of the accent colour that announces the card."""
        grown = motion.ease_out(motion.progress(seconds, self._card.start_seconds, self._entrance()))
        left, top, right, _ = self.box
        unit = self._layout.unit
        length = 7 * unit * grown
        y = top - 4.2 * unit
        if self._layout.centred:
            start = (left + right) / 2 - length / 2
        else:
            start = right - length if self._layout.right_to_left else left
        opacity = 1 - motion.ease_in(self._gone(seconds))
        picture.fill((start, y, start + length, y + max(2.0, 0.75 * unit)), self._colours.accent, opacity)

    def _entrance(self) -> float:
        return min(ENTRANCE_SECONDS, (self._card.end_seconds - self._card.start_seconds) * 0.45)

    def _gone(self, seconds: float) -> float:
        if self._stays:
            return 0.0
        length = min(EXIT_SECONDS, (self._card.end_seconds - self._card.start_seconds) * 0.2)
        return motion.progress(seconds, self._card.end_seconds - length, length)

    def _scale(self, seconds: float) -> float:
        """Titles stand in a slow push of the camera."""
        length = self._card.end_seconds - self._card.start_seconds
        return 1 + STANDING_PUSH * motion.progress(seconds, self._card.start_seconds, length)

    def _pivot(self) -> tuple[float, float]:
        left, top, right, bottom = self.box
        side = right if self._layout.right_to_left else left
        return ((left + right) / 2 if self._layout.centred else side), (top + bottom) / 2

    def _placed(
        self, headline: typography.Block, support: typography.Block | None
    ) -> tuple[tuple[PlacedLine, ...], tuple[float, float, float, float]]:
        # Measured from the baseline, so that a headline without descenders has no hole below it.
        gap = max(0.46 * headline.size - headline.boxes[-1].bottom, 0.2 * headline.size) if support else 0.0
        height = headline.height + gap + (support.height if support else 0.0)
        width = max(headline.width, support.width if support else 0.0)
        left, top = self._corner(width, height)
        box = (left, top, left + width, top + height)
        stagger = min(STAGGER_SECONDS, self._entrance() / 4)
        lines = self._lines_of(headline, box, top, 0.0, stagger)
        if support:
            delay = min(SUPPORT_DELAY_SECONDS, self._entrance() / 2) + stagger * len(headline.lines) / 2
            lines += self._lines_of(support, box, top + headline.height + gap, delay, stagger)
        return tuple(lines), box

    def _corner(self, width: float, height: float) -> tuple[float, float]:
        layout = self._layout
        left = (layout.width - width) / 2
        if not layout.centred:
            left = layout.width - layout.margin - width if layout.right_to_left else layout.margin
        top = (layout.height - height) / 2 + 2 * layout.unit
        if layout.anchor is Anchor.LOWER:
            top = layout.height - layout.margin - 9 * layout.unit - height
        return left, top

    def _lines_of(
        self, block: typography.Block, box: tuple[float, float, float, float], top: float, delay: float, stagger: float
    ) -> list[PlacedLine]:
        placed: list[PlacedLine] = []
        for index, line in enumerate(block.lines):
            drawn = sprites.drawn(line, block.size, self._colours.ink)
            # Edges align by ink, not by the letters' own side bearings.
            x = box[0] - drawn.ink_left
            if self._layout.centred:
                x = (box[0] + box[2] - drawn.ink_left - drawn.ink_right) / 2
            elif self._layout.right_to_left:
                x = box[2] - drawn.ink_right
            placed.append(
                PlacedLine(
                    sprite=drawn.sprite,
                    shadow=sprites.shadow(drawn.sprite, _shadow_radius(block.size), self._colours.deep),
                    left=x,
                    top=top + block.baseline(index) + drawn.rise,
                    size=block.size,
                    delay_seconds=delay + index * stagger,
                )
            )
        return placed


def _shadow_radius(size: int) -> float:
    return max(2.0, size * 0.14)


def _blocks(
    card: storyboard.Card, typesetter: typography.Typesetter, layout: Layout
) -> tuple[typography.Block, typography.Block | None]:
    base: direction.Direction = "rtl" if layout.right_to_left else "ltr"
    width, height = layout.space()
    share = 0.62 if card.support else 1.0
    headline = typesetter.fit(card.headline, fonts.HEAVY, base, (width, height * share), _largest(card, layout))
    if not card.support:
        return headline, None
    # Support stays clearly below the headline, but never too small to read.
    largest = min(max(headline.size * 0.46, 4.2 * layout.unit), 6.5 * layout.unit)
    room = height - headline.height - 0.5 * headline.size
    support = typesetter.fit(card.support, fonts.REGULAR, base, (width, max(room, height * 0.2)), largest)
    return headline, support


def _largest(card: storyboard.Card, layout: Layout) -> float:
    """Few words may shout; a sentence speaks."""
    letters = sum(piece.units for piece in card.headline)
    part = 34.0 if letters <= 8 else 24.0 if letters <= 18 else 17.0 if letters <= 36 else 13.0
    return part * layout.unit * (OVER_IMAGES_SCALE if layout.over_images else 1.0)


class Furniture:
    """What frames the film: a thin progress line, and on the end card a row of its colours over its opening words.

    The end card stands where the titles stood. A shot of a longer film has no `progress` of its own.
    """

    def __init__(
        self,
        plan: storyboard.Storyboard,
        typesetter: typography.Typesetter,
        layout: Layout,
        colours: palette.Palette,
        *,
        progress: bool,
    ) -> None:
        self._plan = plan
        self._layout = layout
        self._colours = colours
        self._progress = progress
        self._caption = _caption(plan, typesetter, layout, colours)

    def draw(self, picture: canvas.Canvas, seconds: float) -> None:
        """Draw both as they stand at a moment of the film."""
        if self._progress:
            ending = motion.progress(seconds, self._plan.end_card_seconds, 0.7)
            part = motion.progress(seconds, 0.0, self._plan.duration_seconds)
            self._draw_progress(picture, part, 1 - motion.ease_in_out(ending))
        if self._plan.end_card_seconds < self._plan.duration_seconds:
            self._draw_end(picture, seconds - self._plan.end_card_seconds)

    def _draw_progress(self, picture: canvas.Canvas, part: float, opacity: float) -> None:
        layout = self._layout
        left, right = layout.margin, layout.width - layout.margin
        y = layout.height - layout.margin
        thick = max(2.0, 0.4 * layout.unit)
        picture.fill((left, y, right, y + thick), self._colours.ink, 0.18 * opacity)
        done = left + (right - left) * part
        box = (right - (done - left), y, right, y + thick) if layout.right_to_left else (left, y, done, y + thick)
        picture.fill(box, self._colours.accent, 0.95 * opacity)

    def _draw_end(self, picture: canvas.Canvas, seconds: float) -> None:
        unit = self._layout.unit
        swatches = self._colours.swatches()
        side = SWATCH_UNITS * unit
        row = len(swatches) * side + (len(swatches) - 1) * SWATCH_GAP_UNITS * unit
        below = 0.0 if self._caption is None else CAPTION_GAP_UNITS * unit + self._caption.sprite.size[1]
        top = self._end_top(side + below)
        left = self._aligned(row)
        for index, colour in enumerate(swatches):
            arrived = motion.progress(seconds, 0.06 + index * 0.07, 0.6)
            rise = 3 * unit * (1 - motion.ease_out(arrived))
            x = left + index * (side + SWATCH_GAP_UNITS * unit)
            picture.fill((x, top + rise, x + side, top + rise + side), colour, motion.ease_in_out(arrived * 1.5))
        if self._caption is not None:
            shown = motion.ease_in_out(motion.progress(seconds, 0.35, 0.6))
            inked = self._caption.ink_right - self._caption.ink_left
            x = self._aligned(inked) - self._caption.ink_left
            picture.place(self._caption.sprite, x, top + side + CAPTION_GAP_UNITS * unit, shown)

    def _aligned(self, width: float) -> float:
        """Where something of a width begins, set as the titles are."""
        layout = self._layout
        if layout.centred:
            return (layout.width - width) / 2
        return layout.width - layout.margin - width if layout.right_to_left else layout.margin

    def _end_top(self, height: float) -> float:
        layout = self._layout
        if layout.anchor is Anchor.LOWER:
            return layout.height - layout.margin - height
        return (layout.height - height) / 2


MAX_CAPTION_UNITS = 34
SWATCH_UNITS, SWATCH_GAP_UNITS, CAPTION_GAP_UNITS = 4.2, 1.4, 2.4


def _caption(
    plan: storyboard.Storyboard, typesetter: typography.Typesetter, layout: Layout, colours: palette.Palette
) -> sprites.Drawn | None:
    """The film's opening words, small, where they are short enough to close with."""
    if not plan.cards or plan.end_card_seconds >= plan.duration_seconds:
        return None
    words = plan.cards[0].headline
    if sum(piece.units for piece in words) > MAX_CAPTION_UNITS:
        return None
    base = direction.of_paragraph(wording.joined(list(words)))
    space = (layout.width - 4 * layout.margin, 8 * layout.unit)
    block = typesetter.fit(words, fonts.REGULAR, base, space, 4.4 * layout.unit)
    return sprites.drawn(block.lines[0], block.size, colours.ink) if len(block.lines) == 1 else None
