"""Line plots as hand-written SVG: panels side by side on one scale, readable on light and dark pages."""

import math
from dataclasses import dataclass, field
from html import escape

WIDTH, HEIGHT = 860, 400
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 104, 48
GAP = 26

# Colours that people with any kind of colour vision tell apart, a set for each background.
STYLE = """
  .page { fill: #ffffff } .ink { fill: #1f2328 } .soft { fill: #59636e }
  .grid { stroke: #d8dee4 } .frame { stroke: #8c959f } .band { fill: #0969da; opacity: .07 }
  .line { fill: none; stroke-width: 2; stroke-linejoin: round }
  .c0 { stroke: #0072b2 } .c1 { stroke: #d55e00 } .c2 { stroke: #00835d; stroke-width: 3 }
  .mark { stroke: #1f2328; stroke-width: 1.2 }
  text { font: 12px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif }
  .title { font-size: 17px; font-weight: 600 } .panel { font-size: 14px; font-weight: 600 } .bold { font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } .ink { fill: #f0f6fc } .soft { fill: #9198a1 }
    .grid { stroke: #262c34 } .frame { stroke: #656c76 } .band { fill: #58a6ff; opacity: .13 }
    .c0 { stroke: #56b4e9 } .c1 { stroke: #f0894a } .c2 { stroke: #2fc491 } .mark { stroke: #f0f6fc }
  }
"""


@dataclass
class Series:
    """One line. The colour is the index of its label in the legend."""

    label: str
    points: list  # of (x, y)


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

    def svg(self):
        return "\n".join(self._lines()) + "\n"

    def _lines(self):
        points = [point for panel in self.panels for series in panel.series for point in series.points]
        x_ticks = ticks(min(x for x, _ in points), max(x for x, _ in points), 6)
        y_ticks = ticks(0, max(y for _, y in points) * 1.08, 6)
        yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        yield f"<title>{escape(self.title)}</title><desc>{escape(self.subtitle)}</desc>"
        yield f"<style>{STYLE}</style>"
        yield f'<rect class="page" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
        yield text(LEFT, 28, self.title, "ink title")
        yield text(LEFT, 48, self.subtitle, "soft")
        yield from self._legend()
        width = (WIDTH - LEFT - RIGHT - GAP * (len(self.panels) - 1)) / len(self.panels)
        for number, panel in enumerate(self.panels):
            area = Area(LEFT + number * (width + GAP), width, x_ticks, y_ticks)
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
        x = LEFT
        for number, label in enumerate(self._labels()):
            yield f'<path class="line c{number}" d="M{x} 66h22"/>'
            yield text(x + 28, 70, label, "ink")
            x += 28 + 6.4 * len(label) + 24


@dataclass
class Area:
    """The drawing area of a panel, and the way from values to places."""

    left: float
    width: float
    x_ticks: list
    y_ticks: list

    def x(self, value):
        low, high = self.x_ticks[0], self.x_ticks[-1]
        return round(self.left + (value - low) / (high - low) * self.width, 1)

    def y(self, value):
        return round(HEIGHT - BOTTOM - value / self.y_ticks[-1] * (HEIGHT - BOTTOM - TOP), 1)


def draw_panel(panel, area, labels, with_y_numbers):
    right, floor = area.left + area.width, HEIGHT - BOTTOM
    yield text(area.left, TOP - 10, panel.title, "ink panel")
    if panel.band:
        begin, end, caption = panel.band
        left, band_width = area.x(begin), area.x(end) - area.x(begin)
        yield f'<rect class="band" x="{left}" y="{TOP}" width="{band_width:.1f}" height="{floor - TOP}"/>'
        yield text(left + band_width / 2, floor - 10, caption, "soft", "middle")
    for value in area.y_ticks:
        yield f'<path class="grid" d="M{area.left:.1f} {area.y(value)}H{right:.1f}"/>'
        if with_y_numbers:
            yield text(area.left - 8, area.y(value) + 4, number_text(value), "soft", "end")
    for value in area.x_ticks:
        yield f'<path class="frame" d="M{area.x(value)} {floor}v5"/>'
        yield text(area.x(value), floor + 18, number_text(value), "soft", "middle")
    yield f'<path class="frame" d="M{area.left:.1f} {floor}H{right:.1f}"/>'
    for series in panel.series:
        path = "L".join(f"{area.x(x)} {area.y(y)}" for x, y in thinned(series.points, int(area.width)))
        yield f'<path class="line c{labels.index(series.label)}" d="M{path}"/>'
    if panel.rise:
        yield from draw_rise(panel.rise, area)


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


def number_text(value):
    return f"{value:,.10g}"


def thinned(points, limit):
    """At most about two points per pixel; the file stays small."""
    stride = max(1, len(points) // (2 * limit))
    kept = points[::stride]
    return kept if kept[-1:] == points[-1:] else [*kept, points[-1]]
