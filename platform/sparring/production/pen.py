"""A pen that draws in points from the top left onto white, smoothly: lines, dots, words and powers of ten."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

PIXELS, FINER = 2, 2
"""Pixels per point, and how much finer it is drawn before it is shrunk, which smooths the lines."""
INK, FRAME, PALE = "#1c2430", "#8d99a6", "#5c6773"


class Pen:
    """On a sheet of so many points."""

    def __init__(self, width: float, height: float) -> None:
        self._scale = PIXELS * FINER
        self._paper = Image.new("RGB", (round(width * self._scale), round(height * self._scale)), "white")
        self._pen = ImageDraw.Draw(self._paper)
        self._font, self._small = (ImageFont.load_default(size * self._scale) for size in (13, 9))

    def finish(self) -> Image.Image:
        width, height = self._paper.size
        return self._paper.resize((width // FINER, height // FINER), Image.Resampling.LANCZOS)

    def line(self, points: Sequence[tuple[float, float]], colour: str, width: float) -> None:
        scaled = [(x * self._scale, y * self._scale) for x, y in points]
        self._pen.line(scaled, fill=colour, width=round(width * self._scale), joint="curve")

    def dot(self, x: float, y: float, colour: str, radius: float = 2.4) -> None:
        self._pen.ellipse(
            [each * self._scale for each in (x - radius, y - radius, x + radius, y + radius)], fill=colour
        )

    def fill(self, box: Sequence[float], colour: tuple[int, int, int]) -> None:
        x0, y0, x1, y1 = (round(each * self._scale) for each in box)
        self._pen.rectangle((x0, y0, x1 - 1, y1 - 1), fill=colour)

    def frame(self, box: Sequence[float]) -> None:
        self._pen.rectangle([round(each * self._scale) for each in box], outline=FRAME, width=self._scale)

    def text(
        self, x: float, y: float, words: str, anchor: str, colour: str = PALE, *, paper: str = "", bold: bool = False
    ) -> float:
        """Returns how wide it is. paper: what is put behind it."""
        at = (x * self._scale, y * self._scale)
        if paper and words:
            left, top, right, bottom = self._pen.textbbox(at, words, font=self._font, anchor=anchor)
            margin = 2 * self._scale
            self._pen.rectangle((left - margin, top - margin, right + margin, bottom + margin), fill=paper)
        self._pen.text(
            at, words, fill=INK if bold else colour, font=self._font, anchor=anchor, stroke_width=1 if bold else 0
        )
        return float(self._pen.textlength(words, font=self._font)) / self._scale

    def number(self, x: float, y: float, words: str, anchor: str) -> None:
        """A tick's; ``10^-3`` with its power raised."""
        base, _, power = words.partition("^")
        if not power:
            self.text(x, y, words, anchor)
            return
        wide = self._pen.textlength(power, font=self._small) / self._scale
        own = self._pen.textlength(base, font=self._font) / self._scale
        left = x - (own + wide) / 2 if anchor[0] == "m" else x - own - wide
        self.text(left, y, base, "l" + anchor[1])
        raised = y - (5 if anchor[1] == "m" else 0)
        self._pen.text(
            ((left + own) * self._scale, raised * self._scale), power, fill=PALE, font=self._small, anchor="lm"
        )

    def upright(self, x: float, y: float, words: str) -> None:
        """From the bottom up, its end at ``y``."""
        if not words:
            return
        _, _, right, bottom = (round(each) for each in self._font.getbbox(words))
        slip = Image.new("L", (right + 2, bottom + 2), 0)
        ImageDraw.Draw(slip).text((0, 0), words, fill=255, font=self._font)
        turned = slip.rotate(90, expand=True)
        self._paper.paste(INK, (round(x * self._scale), round(y * self._scale)), turned)
