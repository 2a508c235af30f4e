// Draws one series over time as SVG.

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 148;
const TOP = 26;
const BOTTOM = 18;
const LEFT = 4;
const MOST = 180;

function shape(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

/** A number that is easy to read and not below `value`: 1, 2 or 5 with zeros, counted in units of `base` each. */
function ceiling(value, base) {
  if (!(value > 0)) return 1;
  const unit = base ** Math.max(0, Math.floor(Math.log(value) / Math.log(base)));
  const power = unit * 10 ** Math.floor(Math.log10(value / unit));
  return [1, 2, 5, 10].find((factor) => factor * power >= value) * power;
}

/** A plot in `place` that forgets all but the last points. `words` turns a value into text, whose units are `base`. */
export class Plot {
  constructor(place, name, words, base = 10) {
    this.place = place;
    this.name = name;
    this.words = words;
    this.base = base;
    this.points = [];
    new ResizeObserver(() => this.draw()).observe(place);
  }

  add(value) {
    if (typeof value !== "number" || !Number.isFinite(value)) return;
    this.points.push({ time: Date.now(), value });
    if (this.points.length > MOST) this.points.shift();
    this.draw();
  }

  draw() {
    const width = Math.floor(this.place.clientWidth);
    if (this.points.length === 0 || width === 0) return;
    const values = this.points.map((point) => point.value);
    const top = ceiling(Math.max(...values) * 1.05, this.base);
    const first = this.points[0].time;
    const last = this.points[this.points.length - 1];
    const span = Math.max(last.time - first, 1);
    const x = (time) => LEFT + ((time - first) / span) * (width - LEFT - 8);
    const y = (value) => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM);
    const svg = shape("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, height: HEIGHT, role: "img" });
    const [least, most] = [Math.min(...values), Math.max(...values)].map(this.words);
    svg.setAttribute("aria-label", `${this.name}: now ${this.words(last.value)}, between ${least} and ${most}`);
    for (const share of [0, 0.5, 1]) {
      svg.append(shape("line", { class: "grid", x1: 0, x2: width, y1: y(top * share), y2: y(top * share) }));
    }
    svg.append(shape("text", { x: width, y: y(top) - 4, "text-anchor": "end" }, this.words(top)));
    const line = this.points.map((point) => `${x(point.time).toFixed(1)},${y(point.value).toFixed(1)}`);
    if (line.length > 1) {
      const floor = y(0);
      svg.append(shape("polygon", { class: "area", points: `${x(first)},${floor} ${line.join(" ")} ${x(last.time)},${floor}` }));
      svg.append(shape("polyline", { class: "trace", points: line.join(" ") }));
    }
    const [cx, cy] = line[line.length - 1].split(",");
    svg.append(shape("circle", { class: "dot", cx, cy, r: 4 }));
    svg.append(shape("text", { class: "now", x: 0, y: 14 }, this.words(last.value)));
    const since = Math.round((Date.now() - first) / 1000);
    svg.append(shape("text", { x: 0, y: HEIGHT - 3 }, since < 90 ? `${since} s ago` : `${Math.round(since / 60)} min ago`));
    svg.append(shape("text", { x: width, y: HEIGHT - 3, "text-anchor": "end" }, "now"));
    this.place.replaceChildren(svg);
  }
}
