// Which map is shown, and how its points are coloured; the tools for both.

import { button, byId, choice, grouped, make } from "./dom.js";
import { press } from "./gestures.js";
import { missed, NEAREST } from "./points.js";
import { computed, say } from "./progress.js";
import { onThemeChange, theme } from "./theme.js";

export const CHUNK = 200_000; // rows in a request
/** @type {Record<string, string>} */
const MAP_NAMES = { pca: "Widest directions (PCA)", neighbours: "Neighbours" };
/** @type {Record<string, [string, string]>} the name of each colouring, and what the numbers of its legend are */
const COLOURS = {
  frequency: ["Frequency", "rank"],
  norm: ["Length of vector", "length"],
  density: ["Density", "mean cosine with the ten nearest words"],
  stability: ["Stability", "neighbours that two training runs share"],
  error: ["Map error", "true neighbours that the map has put elsewhere"],
};

export class Chart {
  name = ""; // of the map that is shown
  wanted = "";
  /** @type {[number, Found[]] | null} the word whose missed neighbours are shown */
  missedOf = null;
  onShown = () => {}; // called when another map is shown

  /**
   * @param {WordMap} map @param {Overview} overview
   * @param {(name: "map" | "colour", value: string) => void} onChange
   */
  constructor(map, overview, onChange) {
    this.map = map;
    this.overview = overview;
    this.values = new Uint8Array(overview.words);
    /** @type {Legend} */
    this.legend = { low: overview.words, high: 1, known: overview.words, name: "frequency" };
    const { label: mapLabel, select: maps } = choice("Map", overview.maps.map((name) => [name, MAP_NAMES[name] ?? name]), (value) => {
      onChange("map", value);
      this.select(value, this.colours.value);
    });
    mapLabel.hidden = overview.maps.length < 2;
    const { label: colourLabel, select: colours } = choice("Colour", overview.colours.map((name) => [name, COLOURS[name]?.[0] ?? name]), (value) => {
      onChange("colour", value);
      this.recolour(value);
    });
    this.maps = maps;
    this.colours = colours;
    byId("tools").append(mapLabel, colourLabel,
      button("+", () => press(map, "+"), { "aria-label": "Zoom in", class: "square" }),
      button("−", () => press(map, "-"), { "aria-label": "Zoom out", class: "square" }),
      button("All", () => map.fly(0.5, 0.5, 1), { "aria-label": "Show the whole map", class: "square" }));
    onThemeChange(() => this.drawLegend());
  }

  /**
   * Show a map, "" for the best, and colours. The first map is shown until another is computed.
   * @param {string} name @param {string} colour
   */
  async select(name, colour) {
    const { maps, colours } = this.overview;
    this.wanted = maps.includes(name) ? name : maps.at(-1) ?? "";
    this.maps.value = this.wanted;
    if (!this.name) await this.showMap(maps[0] ?? "");
    await this.colour("frequency");
    if (colour !== "frequency" && colours.includes(colour)) this.recolour(colour);
    if (this.wanted !== this.name) this.showMap(this.wanted).catch((error) => say(error.message));
  }

  /** @param {string} name */
  async showMap(name) {
    const points = new Uint16Array(2 * this.overview.words);
    await this.load("points", { map: name }, "Arranging the words by their neighbours", (bytes, start) =>
      points.set(new Uint16Array(bytes), 2 * start));
    if (this.name && name !== this.wanted) return;
    this.name = name;
    document.documentElement.dataset["map"] = name;
    this.map.setPoints(points);
    if (!this.map.byHand) this.map.show(this.map.marked.marks);
    if (this.missedOf) this.showMissed(...this.missedOf);
    this.onShown();
    if (this.colours.value === "error") this.recolour("error");
  }

  /**
   * Load the data of all rows in parts.
   * @param {string} name @param {Values} parameters @param {string} what is done meanwhile
   * @param {(bytes: ArrayBuffer, start: number, headers: Headers) => void} take
   */
  async load(name, parameters, what, take) {
    for (let start = 0; start < this.overview.words; start += CHUNK) {
      const { bytes, headers } = await computed(what, name, { ...parameters, start, count: CHUNK });
      take(bytes, start, headers);
    }
  }

  /** @param {string} name */
  recolour(name) {
    this.colour(name).catch((error) => say(error.message));
  }

  /** @param {string} name */
  async colour(name) {
    this.colours.value = name;
    const { words } = this.overview;
    const values = byFrequency(words);
    let [low = 0, high = 0, known = 0] = [words, 1, words];
    if (name !== "frequency") {
      await this.load("colours", { of: name, map: this.name }, "Computing the colours", (bytes, start, headers) => {
        values.set(new Uint8Array(bytes), start);
        [low = 0, high = 1, known = 0] = (headers.get("firth-range") ?? "").split(" ").map(Number);
      });
    }
    if (this.colours.value !== name) return;
    Object.assign(this, { values, legend: { low, high, known, name } });
    this.map.setColours(values);
    this.drawLegend();
  }

  drawLegend() {
    const { low, high, known, name } = this.legend;
    const steps = make("span", { class: "ramp", "aria-hidden": "true" });
    steps.style.background = `linear-gradient(to right, ${theme().ramp.map((colour) => `rgb(${colour.join(" ")})`).join()})`;
    const missing = this.overview.words - known;
    const unit = `${COLOURS[name]?.[1] ?? name}${missing ? `, not known for ${grouped(missing)} words` : ""}`;
    byId("legend").replaceChildren(
      make("span", {}, unit),
      make("span", {}, end(low, name), steps, end(high, name)));
  }

  /**
   * Say how many of a word's neighbours this map has put far from it, and mark them in the list.
   * @param {number} row @param {Found[]} neighbours
   */
  showMissed(row, neighbours) {
    this.missedOf = [row, neighbours];
    const far = missed(this.map.points, row, neighbours.map((word) => word.row));
    byId("missed").textContent = far.length
      ? `The map is flat and cannot keep them all: ${far.length} of these ${neighbours.length} (dotted) are not among the ${NEAREST} points next to the word.`
      : `The map is right here: all ${neighbours.length} are among the ${NEAREST} points next to the word.`;
    for (const word of byId("missed").parentElement?.querySelectorAll("[data-row]") ?? []) {
      word.classList.toggle("far", far.includes(Number(word.getAttribute("data-row"))));
    }
  }
}

/** Return one end of the legend, in the unit of what it shows. @param {number} value @param {string} name */
function end(value, name) {
  if (name === "frequency") return grouped(value);
  return name === "norm" || name === "density" ? value.toFixed(2) : `${Math.round(100 * value)} %`;
}

/** Return a colour for each row: the logarithm of its rank, the most frequent with 255. @param {number} words */
function byFrequency(words) {
  const last = Math.log(words + 1) || 1;
  return Uint8Array.from({ length: words }, (_, row) => 255 * (1 - Math.log(row + 1) / last));
}
