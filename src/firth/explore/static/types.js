// The shapes of the server's answers and of what the modules share. This script has no code; its types are global.

/** @typedef {[number, number]} Point */
/** @typedef {[number, number, number, number]} Box left, top, right and bottom */
/** @typedef {(text: string) => void} Choose */
/** @typedef {Record<string, string | number>} Values */
/** @typedef {import("./camera.js").Camera} Camera */
/** @typedef {import("./map.js").WordMap} WordMap */
/** @typedef {import("./vocabulary.js").Vocabulary} Vocabulary */
/** @typedef {{q: string, area: string, among: number, map: string, colour: string, at: string}} View */

/** @typedef {{row: number, word: string, score: number | null, parts?: (number | null)[]}} Found */
/** @typedef {{name: string, words: number, dimensions: number, compared_with: string, maps: string[], colours: string[], examples: string[], note?: string}} Overview */
/** @typedef {{kind: "word", text: string, row: number | null, word: string, count?: number | null, share?: number | null, norm?: number | null, neighbours: Found[], outside: {cosine: number | null, neighbours: Found[]} | null, predicted: Found[] | null, python: string}} WordAnswer */
/** @typedef {{row: number | null, word: string, weight: number}} Term */
/** @typedef {{kind: "equation", text: string, terms: Term[], added: Found[], multiplied: Found[], python: string}} EquationAnswer */
/** @typedef {{kind: "axis", text: string, terms: Term[], low: Found[], high: Found[], python: string}} AxisAnswer */
/** @typedef {{kind: "unknown", text: string, words: {word: string, near: {row: number, word: string}[]}[]}} UnknownAnswer */
/** @typedef {WordAnswer | EquationAnswer | AxisAnswer | UnknownAnswer} Answer */
/** @typedef {{names: string[], dimensions: number[], words: number, shared: number, only: number[], alignment: {before: number, after: number} | null, kept: number}} Comparison */
/** @typedef {{word: string, row: number | null, reason: string, kept: Found[], lost: Found[], gained: Found[], similarity: number | null}} Change */

/**
 * What is marked on the map: words with rings and labels, and lines between rows. A card is shown with it.
 * @typedef {{kind: "given" | "taken" | "found", row: number}} Mark
 * @typedef {{marks: Mark[], lines: {from: number, to: number}[]}} Marked
 * @typedef {Marked & {parts: Node[]}} Card
 */

/** @typedef {{low: number, high: number, known: number, name: string}} Legend */
/** @typedef {{background: string, text: string, muted: string, given: string, taken: string, found: string, ramp: number[][]}} Theme */

/**
 * Draws the first words of the vocabulary as points.
 * @typedef {object} Painter
 * @property {(points: Uint16Array) => void} setPoints
 * @property {(colours: Uint8Array) => void} setColours
 * @property {(width: number, height: number, ratio: number) => void} resize
 * @property {(camera: Camera, count: number, faint: boolean, theme: Theme) => void} draw
 */

/**
 * A surface that can be drawn on: a canvas, or an SVG in the making.
 * @typedef {object} Surface
 * @property {(from: Point, to: Point, colour: string) => void} line
 * @property {(at: Point, radius: number, colour: string) => void} ring
 * @property {(text: string, at: Point, size: number, bold: boolean, colour: string, halo: string) => void} text
 */
