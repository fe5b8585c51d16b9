"""Horizontal bars as hand-written SVG: a column of rows, panels with a scale each, for light and dark pages."""

from dataclasses import dataclass
from html import escape

from lib.svg_plot import STYLE, WIDTH, text

ROW, BAR, TOP, RIGHT, GAP = 26, 15, 112, 14, 18
# Room for the number behind the longest bar.
NUMBER = 64
FILLS = """
  .f0 { fill: #0072b2 } .f1 { fill: #d55e00 } .f2 { fill: #afb8c1 }
  @media (prefers-color-scheme: dark) { .f0 { fill: #56b4e9 } .f1 { fill: #f0894a } .f2 { fill: #57606a } }
"""


@dataclass
class Bars:
    """One panel. Row by row a list of parts that are stacked; a part is (value, colour 0 to 2)."""

    title: str
    rows: list
    form: str = "{:,.0f}"


@dataclass
class BarChart:
    title: str
    subtitle: str
    labels: list  # of the rows, for all panels
    panels: list
    legend: tuple = ()  # the meaning of the colours

    def svg(self):
        return "\n".join(self._lines()) + "\n"

    def _lines(self):
        left = 34 + 6.5 * max(map(len, self.labels))
        height = TOP + ROW * len(self.labels) + 14
        yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
        yield f"<title>{escape(self.title)}</title><desc>{escape(self.subtitle)}</desc>"
        yield f"<style>{STYLE}{FILLS}</style>"
        yield f'<rect class="page" width="{WIDTH}" height="{height}" rx="6"/>'
        yield text(16, 28, self.title, "ink title")
        yield text(16, 48, self.subtitle, "soft")
        yield from self._legend()
        for number, label in enumerate(self.labels):
            yield text(left - 10, TOP + number * ROW + 13, label, "ink", "end")
        width = (WIDTH - left - RIGHT - GAP * (len(self.panels) - 1)) / len(self.panels)
        for number, panel in enumerate(self.panels):
            yield from draw(panel, left + number * (width + GAP), width, height)
        yield "</svg>"

    def _legend(self):
        x = 16
        for number, label in enumerate(self.legend):
            yield f'<rect class="f{number}" x="{x}" y="60" width="12" height="12" rx="2"/>'
            yield text(x + 18, 70, label, "ink")
            x += 18 + 6.4 * len(label) + 24


def draw(panel, left, width, height):
    known = [parts for parts in panel.rows if parts is not None]
    longest = max([sum(value for value, _ in parts) for parts in known] + [1e-9])
    scale = (width - NUMBER) / longest
    yield text(left, TOP - 12, panel.title, "ink panel")
    yield f'<path class="frame" d="M{left:.1f} {TOP - 4}V{height - 14}"/>'
    for number, parts in enumerate(panel.rows):
        y = TOP + number * ROW
        if parts is None:
            yield text(left + 6, y + 13, "not measured", "soft")
            continue
        x = left
        for value, colour in parts:
            yield f'<rect class="f{colour}" x="{x:.1f}" y="{y + 1}" width="{value * scale:.1f}" height="{BAR}"/>'
            x += value * scale
        yield text(x + 6, y + 13, panel.form.format(sum(value for value, _ in parts)), "soft")
