
// ---- a chart: lines over the time of a save, with a read-out ----
//
// Given to draw(): {points, lines: [{key, name, className}], span_ms, limit, limitName, band: {low, high, from_ms,
// to_ms}, expected: key}. Everything is drawn anew each time: a save has at most some thousand points.

const kMargin = {left: 62, right: 12, top: 10, bottom: 22};

class Chart {
  constructor(holder, label, onRead) {
    this.holder = holder;
    this.label = label;
    this.onRead = onRead;
    this.svg = makeSvg("svg", {tabindex: 0, role: "img", "aria-label": label});
    this.legend = make("ul", {class: "legend"});
    this.reading = make("div", {class: "reading", "aria-live": "polite"});
    this.reading.hidden = true;
    holder.append(this.svg, this.reading, this.legend);
    this.listen();
  }

  listen() {
    this.svg.addEventListener("pointermove", (event) => this.readAt(event.clientX));
    this.svg.addEventListener("pointerdown", (event) => this.readAt(event.clientX));
    this.svg.addEventListener("pointerleave", () => this.onRead(null));
    this.svg.addEventListener("blur", () => this.onRead(null));
    this.svg.addEventListener("keydown", (event) => this.step(event));
    new ResizeObserver(() => this.data && this.draw(this.data)).observe(this.holder);
  }

  // ---- geometry ----

  measure() {
    this.width = Math.max(200, this.holder.clientWidth);
    this.height = this.width < 480 ? 170 : 220;
    this.top = this.highest() * 1.08 || 1;
  }

  highest() {
    const {points, lines, band, limit, expected} = this.data;
    let top = 0;
    for (const point of points) {
      for (const {key} of lines) top = Math.max(top, point[key] ?? 0);
      if (expected) top = Math.max(top, point[expected] ?? 0);
    }
    if (band) top = Math.max(top, band.high);
    // A limit far away would press everything else to the ground: it is then told in words.
    this.limitShown = limit > 0 && limit <= 3 * top;
    return this.limitShown ? Math.max(top, limit) : top;
  }

  x(atMs) {
    const inner = this.width - kMargin.left - kMargin.right;
    return kMargin.left + inner * Math.min(1, atMs / this.data.span_ms);
  }

  y(value) {
    const inner = this.height - kMargin.top - kMargin.bottom;
    return kMargin.top + inner * (1 - Math.max(0, value) / this.top);
  }

  // ---- drawing ----

  draw(data) {
    this.data = data;
    this.measure();
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
    this.svg.setAttribute("height", this.height);
    this.svg.replaceChildren(makeSvg("title", {}, this.label));
    this.drawGrid();
    this.drawBand();
    this.drawLimit();
    for (const line of data.lines) this.drawLine(line.key, line.className);
    if (data.expected) this.drawLine(data.expected, "expected");
    this.drawLegend();
    if (this.at !== undefined && this.at !== null) this.showReading();
  }

  drawGrid() {
    for (const value of ticks(this.top, 5)) {
      const y = this.y(value);
      this.svg.append(
        makeSvg("line", {class: "grid", x1: kMargin.left, x2: this.width - kMargin.right, y1: y, y2: y}),
        makeSvg("text", {x: kMargin.left - 6, y: y + 4, "text-anchor": "end"}, plain(bytes(value))));
    }
    const wanted = Math.max(2, Math.floor(this.width / 110));
    for (const atMs of ticks(this.data.span_ms, wanted)) {
      const anchor = this.x(atMs) > this.width - 40 ? "end" : "middle";
      this.svg.append(makeSvg("text", {x: this.x(atMs), y: this.height - 5, "text-anchor": anchor},
        atMs === 0 ? "fork" : plain(milliseconds(atMs))));
    }
  }

  drawBand() {
    const {band} = this.data;
    if (!band) return;
    const left = this.x(band.from_ms);
    const top = this.y(band.high);
    this.svg.append(makeSvg("rect", {
      class: "band", x: left, y: top, width: Math.max(2, this.x(band.to_ms) - left),
      height: Math.max(2, this.y(band.low) - top)}));
  }

  drawLimit() {
    if (!this.limitShown) return;
    const y = this.y(this.data.limit);
    this.svg.append(
      makeSvg("line", {class: "limit", x1: kMargin.left, x2: this.width - kMargin.right, y1: y, y2: y}),
      makeSvg("text", {class: "limit-label", x: this.width - kMargin.right, y: y - 4, "text-anchor": "end"},
        `${this.data.limitName} ${bytes(this.data.limit)}`));
  }

  drawLine(key, className) {
    let path = "";
    for (const point of this.data.points) {
      if (point[key] === null || point[key] === undefined) continue;
      path += `${path ? "L" : "M"}${this.x(point.at_ms).toFixed(1)} ${this.y(point[key]).toFixed(1)}`;
    }
    if (path) this.svg.append(makeSvg("path", {class: className, d: path}));
  }

  drawLegend() {
    const names = this.data.lines.map(({className, name}) => [className, name]);
    if (this.data.band || this.data.expected) names.push(["band", "growth expected at its peak"]);
    if (this.data.limit > 0) {
      names.push(["limit", `${this.data.limitName} ${bytes(this.data.limit)}${this.limitShown ? "" : ", above the chart"}`]);
    }
    const wanted = JSON.stringify(names);
    if (this.legendDrawn === wanted) return;
    this.legendDrawn = wanted;
    this.legend.replaceChildren(...names.map(([className, name]) =>
      make("li", {}, make("span", {class: `swatch ${className}`}), name)));
  }

  // ---- reading a moment ----

  readAt(clientX) {
    if (!this.data?.points.length) return;
    const box = this.svg.getBoundingClientRect();
    const wantedX = (clientX - box.left) * this.width / box.width;
    const distance = (point) => Math.abs(this.x(point.at_ms) - wantedX);
    this.onRead(this.data.points.reduce((best, point) => (distance(point) < distance(best) ? point : best)).at_ms);
  }

  step(event) {
    const points = this.data?.points ?? [];
    const moves = {ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity};
    if (event.key === "Escape") return this.onRead(null);
    if (!(event.key in moves) || points.length === 0) return;
    event.preventDefault();
    const current = points.findIndex((point) => point.at_ms === this.at);
    const from = current < 0 ? points.length - 1 : current;
    const to = Math.min(points.length - 1, Math.max(0, from + (current < 0 ? 0 : moves[event.key])));
    this.onRead(points[to].at_ms);
  }

  // Shows the moment, or with null none. Both charts of a save show the same one.
  read(atMs) {
    this.at = atMs;
    if (!this.data) return;
    if (atMs === null) {
      this.reading.hidden = true;
      this.svg.querySelectorAll(".cross, circle").forEach((mark) => mark.remove());
    } else {
      this.draw(this.data);
    }
  }

  showReading() {
    const point = this.data.points.find(({at_ms}) => at_ms === this.at);
    if (!point) return;
    const x = this.x(point.at_ms);
    this.svg.append(makeSvg("line", {class: "cross", x1: x, x2: x, y1: kMargin.top, y2: this.height - kMargin.bottom}));
    const lines = this.data.lines.filter(({key}) => point[key] !== null && point[key] !== undefined);
    for (const {key, className} of lines) {
      this.svg.append(makeSvg("circle", {class: className, cx: x, cy: this.y(point[key]), r: 4}));
    }
    const rows = lines.map(({key, name}) => make("span", {}, `${name}: ${bytes(point[key])}`, make("br")));
    const {expected} = this.data;
    if (expected && point[expected] !== null) rows.push(`expected peak: ${bytes(point[expected])}`);
    this.reading.replaceChildren(make("b", {}, `${milliseconds(point.at_ms)} after the fork`), ...rows);
    this.reading.hidden = false;
    const left = x > this.width / 2;
    this.reading.style.left = left ? `${kMargin.left + 4}px` : "auto";
    this.reading.style.right = left ? "auto" : `${kMargin.right + 4}px`;
  }
}
