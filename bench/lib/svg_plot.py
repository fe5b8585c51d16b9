"""Line plots as hand-written SVG: panels side by side on one scale, linear or logarithmic, for light and dark pages."""

import math
from dataclasses import dataclass, field
from html import escape

WIDTH, HEIGHT = 860, 400
LEFT, RIGHT, TOP, BOTTOM = 74, 28, 104, 48
GAP = 26

# Colours that people with any kind of colour vision tell apart, a set for each background.
STYLE = """
  .page { fill: #ffffff } .ink { fill: #1f2328 } .soft { fill: #59636e }
  .grid { stroke: #d8dee4 } .frame { stroke: #8c959f } .band { fill: #0969da; opacity: .07 }
  .line { fill: none; stroke-width: 2; stroke-linejoin: round }
  .c0 { stroke: #0072b2 } .c1 { stroke: #d55e00 } .c2 { stroke: #00835d; stroke-width: 3 }
  .c3 { stroke: #b0528b } .c4 { stroke: #6e7781 } .dashed { stroke-dasharray: 6 4 }
  .dot { stroke-width: 2; fill: none }
  .mark { stroke: #1f2328; stroke-width: 1.2 }
  text { font: 12px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif }
  .title { font-size: 17px; font-weight: 600 } .panel { font-size: 14px; font-weight: 600 } .bold { font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } .ink { fill: #f0f6fc } .soft { fill: #9198a1 }
    .grid { stroke: #262c34 } .frame { stroke: #656c76 } .band { fill: #58a6ff; opacity: .13 }
    .c0 { stroke: #56b4e9 } .c1 { stroke: #f0894a } .c2 { stroke: #2fc491 } .mark { stroke: #f0f6fc }
    .c3 { stroke: #e39ac4 } .c4 { stroke: #9198a1 }
  }
"""


@dataclass
class Series:
    """One line. The colour is the index of its label in the legend."""

    label: str
    points: list  # of (x, y)
    style: str = "line"  # or "dashed", or "dots"


@dataclass
class Panel:
    title: str
    series: list
    band: tuple | None = None  # (from x, to x, text): a shaded stretch of time
    rise: tuple | None = None  # (x, low y, high y, text): an arrow that measures a growth


@dataclass
class Plot:
    title: str
    subtitle: str
    x_label: str
    y_label: str
    panels: list = field(default_factory=list)
    x_log: bool = False  # decades instead of equal steps; then every x is above 0
    y_log: bool = False

    def svg(self):
        return "\n".join(self._lines()) + "\n"

    def _lines(self):
        points = [point for panel in self.panels for series in panel.series for point in series.points]
        lowest_y = min(y for _, y in points) if self.y_log else 0
        x_axis = Axis(min(x for x, _ in points), max(x for x, _ in points), self.x_log)
        y_axis = Axis(lowest_y, max(y for _, y in points) * (1 if self.y_log else 1.08), self.y_log)
        yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        yield f"<title>{escape(self.title)}</title><desc>{escape(self.subtitle)}</desc>"
        yield f"<style>{STYLE}</style>"
        yield f'<rect class="page" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
        yield text(LEFT, 28, self.title, "ink title")
        yield text(LEFT, 48, self.subtitle, "soft")
        yield from self._legend()
        width = (WIDTH - LEFT - RIGHT - GAP * (len(self.panels) - 1)) / len(self.panels)
        for number, panel in enumerate(self.panels):
            area = Area(LEFT + number * (width + GAP), width, x_axis, y_axis)
            yield from draw_panel(panel, area, self._labels(), with_y_numbers=number == 0)
        yield text(LEFT + (WIDTH - LEFT - RIGHT) / 2, HEIGHT - 10, self.x_label, "soft", "middle")
        middle = (TOP + HEIGHT - BOTTOM) / 2
        yield (
            f'<text class="soft" text-anchor="middle" transform="translate(16 {middle}) rotate(-90)">'
            f"{escape(self.y_label)}</text>"
        )
        yield "</svg>"

    def _labels(self):
        return list(dict.fromkeys(series.label for panel in self.panels for series in panel.series))

    def _legend(self):
        x, y = LEFT, 66
        styles = {series.label: series.style for panel in self.panels for series in panel.series}
        for number, label in enumerate(self._labels()):
            width = 28 + 6.4 * len(label) + 24
            if x > LEFT and x + width > WIDTH:
                x, y = LEFT, y + 16
            if styles[label] == "dots":
                yield dot(x + 11, y, number)
            else:
                yield f'<path class="line c{number}{dashes(styles[label])}" d="M{x} {y}h22"/>'
            yield text(x + 28, y + 4, label, "ink")
            x += width


class Axis:
    """A scale: where its ticks are, and the way from a value to a share of the whole length."""

    def __init__(self, low, high, logarithmic):
        self._way = math.log10 if logarithmic else float
        self.ticks = log_ticks(low, high) if logarithmic else ticks(low, high, 6)

    def share(self, value):
        low, high = self._way(self.ticks[0]), self._way(self.ticks[-1])
        return (self._way(value) - low) / (high - low)


@dataclass
class Area:
    """The drawing area of a panel, and the way from values to places."""

    left: float
    width: float
    x_axis: Axis
    y_axis: Axis

    def x(self, value):
        return round(self.left + self.x_axis.share(value) * self.width, 1)

    def y(self, value):
        return round(HEIGHT - BOTTOM - self.y_axis.share(value) * (HEIGHT - BOTTOM - TOP), 1)


def draw_panel(panel, area, labels, with_y_numbers):
    right, floor = area.left + area.width, HEIGHT - BOTTOM
    yield text(area.left, TOP - 10, panel.title, "ink panel")
    if panel.band:
        begin, end, caption = panel.band
        left, band_width = area.x(begin), area.x(end) - area.x(begin)
        yield f'<rect class="band" x="{left}" y="{TOP}" width="{band_width:.1f}" height="{floor - TOP}"/>'
        yield text(left + band_width / 2, floor - 10, caption, "soft", "middle")
    for value in area.y_axis.ticks:
        yield f'<path class="grid" d="M{area.left:.1f} {area.y(value)}H{right:.1f}"/>'
        if with_y_numbers:
            yield text(area.left - 8, area.y(value) + 4, number_text(value), "soft", "end")
    for value in area.x_axis.ticks:
        yield f'<path class="frame" d="M{area.x(value)} {floor}v5"/>'
        yield text(area.x(value), floor + 18, number_text(value), "soft", "middle")
    yield f'<path class="frame" d="M{area.left:.1f} {floor}H{right:.1f}"/>'
    for series in panel.series:
        yield from draw_series(series, labels.index(series.label), area)
    if panel.rise:
        yield from draw_rise(panel.rise, area)


def draw_series(series, number, area):
    places = [(area.x(x), area.y(y)) for x, y in thinned(series.points, int(area.width))]
    if series.style == "dots":
        yield from (dot(x, y, number) for x, y in places)
    else:
        path = "L".join(f"{x} {y}" for x, y in places)
        yield f'<path class="line c{number}{dashes(series.style)}" d="M{path}"/>'


def dot(x, y, number):
    """Rings grow with the number of their series, so that two in one place are both seen."""
    return f'<circle class="dot c{number}" cx="{x}" cy="{y}" r="{1 + 1.5 * number}"/>'


def dashes(style):
    return " dashed" if style == "dashed" else ""


def draw_rise(rise, area):
    at, low, high, caption = rise
    x, bottom, top = area.x(at), area.y(low), area.y(high)
    yield f'<path class="mark" fill="none" d="M{x - 4} {bottom}h8M{x} {bottom}V{top}M{x - 4} {top}h8"/>'
    # On the side where there is room.
    fits = x + 8 + 8 * len(caption) < area.left + area.width
    yield text(x + 8 if fits else x - 20, (bottom + top) / 2 + 4, caption, "ink bold", "start" if fits else "end")


def text(x, y, words, classes, anchor="start"):
    return f'<text class="{classes}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def ticks(low, high, wanted):
    """Round numbers that span low to high, about as many as wanted."""
    rough = max(high - low, 1e-9) / wanted
    magnitude = 10 ** math.floor(math.log10(rough))
    step = next(step * magnitude for step in (1, 2, 5, 10) if step * magnitude >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(number * step, 9) for number in range(first, last + 1)]


def log_ticks(low, high):
    """Powers of ten that span low to high, with 2 and 5 between them where there is room."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = (1, 2, 5) if last - first < 3 else (1,)
    every = [step * 10.0**power for power in range(first, last + 1) for step in steps]
    below = [value for value in every if value <= low * 1.001]
    above = [value for value in every if value >= high * 0.999]
    return [round(value, 9) for value in every if below[-1] <= value <= above[0]]


def number_text(value):
    return f"{value:,.10g}"


def thinned(points, limit):
    """At most about two points per pixel; the file stays small."""
    stride = max(1, len(points) // (2 * limit))
    kept = points[::stride]
    return kept if kept[-1:] == points[-1:] else [*kept, points[-1]]
