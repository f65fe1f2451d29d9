// The shapes of the server's answers and of what the modules share. This module has no code.

/** @typedef {{row: number | null, word: string}} Named */
/** @typedef {{row: number, word: string, score: number | null, parts?: (number | null)[]}} Found */
/** @typedef {{name: string, words: number, dimensions: number, compared_with: string, counts: boolean, outside: boolean, maps: string[], colours: string[], examples: string[], note?: string}} Overview */
/** @typedef {{kind: "word", text: string, row: number | null, word: string, count?: number | null, share?: number | null, norm?: number | null, neighbours: Found[], outside: {cosine: number | null, neighbours: Found[]} | null, predicted: Found[] | null, python: string}} WordAnswer */
/** @typedef {{row: number | null, word: string, weight: number}} Term */
/** @typedef {{kind: "equation", text: string, terms: Term[], added: Found[], multiplied: Found[], python: string}} EquationAnswer */
/** @typedef {{kind: "axis", text: string, terms: Term[], low: Found[], high: Found[], python: string}} AxisAnswer */
/** @typedef {{kind: "unknown", text: string, words: {word: string, near: {row: number, word: string}[]}[]}} UnknownAnswer */
/** @typedef {WordAnswer | EquationAnswer | AxisAnswer | UnknownAnswer} Answer */
/** @typedef {{names: string[], dimensions: number[], words: number, shared: number, only: number[], alignment: {before: number, after: number} | null, kept: number}} Comparison */
/** @typedef {{word: string, row: number | null, reason: string, kept: Found[], lost: Found[], gained: Found[], similarity: number | null}} Change */

/**
 * What is marked on the map: words with rings and labels, and lines between rows.
 * @typedef {{kind: "given" | "taken" | "found", row: number}} Mark
 * @typedef {{from: number, to: number}} Line
 * @typedef {{marks: Mark[], lines: Line[]}} Marked
 */

/** @typedef {{low: number, high: number, known: number, name: string}} Legend */
/** @typedef {{background: string, text: string, muted: string, given: string, taken: string, found: string, ramp: number[][]}} Theme */

/**
 * Draws the first words of the vocabulary as points.
 * @typedef {object} Painter
 * @property {(points: Uint16Array) => void} setPoints
 * @property {(colours: Uint8Array) => void} setColours
 * @property {(width: number, height: number, ratio: number) => void} resize
 * @property {(camera: import("./camera.js").Camera, count: number, faint: boolean, theme: Theme) => void} draw
 */

export {};
