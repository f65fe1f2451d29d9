// Which map is shown, and how its points are coloured; the tools for both.

import { ask, download } from "./api.js";
import { button, byId, make } from "./dom.js";
import { onThemeChange, rampColour, theme } from "./theme.js";

const CHUNK = 200_000;
/** @type {Record<string, string>} */
const MAP_NAMES = { pca: "Widest directions (PCA)", neighbours: "Neighbours" };
/** @type {Record<string, string>} */
const COLOUR_NAMES = { frequency: "Frequency", norm: "Length of vector", density: "Density", stability: "Stability", error: "Map error" };
/** @type {Record<string, string>} what the numbers of the legend are */
const UNITS = {
  frequency: "rank", norm: "length", density: "mean cosine with the ten nearest words",
  stability: "neighbours that two training runs share", error: "true neighbours that the map has put elsewhere",
};

export class Chart {
  /**
   * @param {import("./map.js").WordMap} map
   * @param {import("./types.js").Overview} overview
   * @param {(name: "map" | "colour", value: string) => void} onChange
   */
  constructor(map, overview, onChange) {
    this.map = map;
    this.overview = overview;
    this.values = new Uint8Array(overview.words);
    this.name = "";
    /** @type {import("./types.js").Legend} */
    this.legend = { low: 0, high: 1, known: 0, name: "frequency" };
    /** @type {[number, number[]] | null} */
    this.missedOf = null;
    this.wanted = "";
    /** @type {() => void} called when another map is shown */
    this.onShown = () => {};
    this.maps = this.choice("Map", MAP_NAMES, overview.maps, (value) => {
      onChange("map", value);
      this.select(value, this.colours.value);
    });
    this.colours = this.choice("Colour", COLOUR_NAMES, overview.colours, (value) => {
      onChange("colour", value);
      this.recolour(value);
    });
    const zoom = (/** @type {number} */ factor) => () => {
      map.hold();
      map.camera.zoomAt(factor, map.camera.width / 2, map.camera.height / 2);
      map.move();
    };
    byId("tools", HTMLElement).append(
      button("+", zoom(1.6), { "aria-label": "Zoom in", class: "square" }),
      button("−", zoom(1 / 1.6), { "aria-label": "Zoom out", class: "square" }),
      button("All", () => map.fly(0.5, 0.5, 1), { "aria-label": "Show the whole map", class: "square" }),
    );
    onThemeChange(() => this.drawLegend());
  }

  /**
   * Return a choice among the tools.
   * @param {string} label @param {Record<string, string>} names @param {string[]} known
   * @param {(value: string) => void} action
   */
  choice(label, names, known, action) {
    const select = make("select", {}, ...known.map((name) => make("option", { value: name }, names[name] ?? name)));
    select.addEventListener("change", () => action(select.value));
    const element = make("label", {}, `${label} `, select);
    element.hidden = known.length < 2;
    byId("tools", HTMLElement).append(element);
    return select;
  }

  /**
   * Show a map, "" for the best, and colours. The first map is shown until another is computed.
   * @param {string} name @param {string} colour
   */
  async select(name, colour) {
    const [first = ""] = this.overview.maps;
    const best = this.overview.maps.at(-1) ?? first;
    this.wanted = this.overview.maps.includes(name) ? name : best;
    this.maps.value = this.wanted;
    if (!this.name) await this.showMap(first);
    await this.colour("frequency");
    if (colour !== "frequency" && this.overview.colours.includes(colour)) this.recolour(colour);
    if (this.wanted !== this.name) this.showMap(this.wanted).catch((error) => this.say(error.message));
  }

  /** @param {string} name */
  async showMap(name) {
    const points = new Uint16Array(2 * this.overview.words);
    for (let start = 0; start < this.overview.words; start += CHUNK) {
      const { bytes } = await download("points", { map: name, start, count: CHUNK }, (share) =>
        this.progress(share, "Arranging the words by their neighbours"));
      points.set(new Uint16Array(bytes), 2 * start);
    }
    this.progress(1, "");
    if (this.name && name !== this.wanted) return;
    this.name = name;
    document.documentElement.dataset["map"] = name;
    this.map.setPoints(points);
    this.onMap();
    if (this.colours.value === "error") this.recolour("error");
  }

  /** Called when another map is shown. */
  onMap() {
    if (!this.map.byHand) this.map.show(this.map.marked.marks.map(({ row }) => row));
    if (this.missedOf) this.showMissed(...this.missedOf);
    this.onShown();
  }

  /** @param {number} share @param {string} what */
  progress(share, what) {
    this.say(share < 1 ? `${what}: ${Math.round(100 * share)} %` : "");
  }

  /** @param {string} text */
  say(text) {
    byId("progress", HTMLElement).textContent = text;
  }

  /** @param {string} name */
  recolour(name) {
    this.colour(name).catch((error) => this.say(error.message));
  }

  /** @param {string} name */
  async colour(name) {
    this.colours.value = name;
    const { words } = this.overview;
    const found = name === "frequency"
      ? { values: byFrequency(words), legend: { low: words, high: 1, known: words, name } }
      : await this.loadColours(name);
    if (this.colours.value !== name) return;
    Object.assign(this, found);
    this.map.setColours(this.values);
    this.drawLegend();
  }

  /** @param {string} name */
  async loadColours(name) {
    const values = new Uint8Array(this.overview.words);
    const legend = { low: 0, high: 1, known: values.length, name };
    const progress = (/** @type {number} */ share) => this.progress(share, "Computing the colours");
    for (let start = 0; start < values.length; start += CHUNK) {
      const { bytes, headers } = await download("colours", { of: name, map: this.name, start, count: CHUNK }, progress);
      values.set(new Uint8Array(bytes), start);
      const [low = 0, high = 1, known = 0] = (headers.get("firth-range") ?? "0 1 0").split(" ").map(Number);
      Object.assign(legend, { low, high, known });
    }
    this.progress(1, "");
    return { values, legend };
  }

  drawLegend() {
    const { low, high, known, name } = this.legend;
    const { ramp } = theme();
    const steps = Array.from({ length: 12 }, (_, i) => {
      const step = make("span", {});
      step.style.background = rampColour(ramp, (255 * i) / 11);
      return step;
    });
    const missing = this.overview.words - known;
    const unit = `${UNITS[name] ?? name}${missing ? `, not known for ${missing.toLocaleString("en")} words` : ""}`;
    byId("legend", HTMLElement).replaceChildren(
      make("span", {}, unit),
      make("span", {}, end(low, name), make("span", { class: "ramp", "aria-hidden": "true" }, ...steps), end(high, name)));
  }

  /**
   * Say how many of a word's neighbours this map has put far from it, and mark them in the list.
   * @param {number} row @param {number[]} neighbours
   */
  async showMissed(row, neighbours) {
    this.missedOf = [row, neighbours];
    const place = document.getElementById("missed");
    const { missed, nearest } = await ask("missed", { map: this.name, row, neighbours: neighbours.join(",") });
    if (!place?.isConnected) return;
    const far = new Set(missed);
    place.textContent = missed.length
      ? `The map is flat and cannot keep them all: ${missed.length} of these ${neighbours.length} (dotted) are not among the ${nearest} points next to the word.`
      : `The map is right here: all ${neighbours.length} are among the ${nearest} points next to the word.`;
    for (const word of place.parentElement?.querySelectorAll("[data-row]") ?? []) {
      word.classList.toggle("far", far.has(Number(word.getAttribute("data-row"))));
    }
  }
}

/**
 * Return one end of the legend, in the unit of what it shows.
 * @param {number} value @param {string} name
 */
function end(value, name) {
  if (name === "frequency") return value.toLocaleString("en");
  return name === "norm" || name === "density" ? value.toFixed(2) : `${Math.round(100 * value)} %`;
}

/**
 * Return a colour for each row: the logarithm of its rank, the most frequent with 255.
 * @param {number} words
 */
function byFrequency(words) {
  const last = Math.log(words + 1) || 1;
  return Uint8Array.from({ length: words }, (_, row) => 255 * (1 - Math.log(row + 1) / last));
}
