#!/usr/bin/env node
/** The file. */
import fs, { read as r, write } from 'node:fs';
import * as path from 'path';
import './side.js';
export { a as b } from './a.js';
export * from './all.js';
const os = require('os');

/**
 * A cart.
 * @see Order
 */
export default class Cart extends base.Order {
  #items = [];
  static create = (n = 1) => new Cart(n);
  handler = async function () {};
  /** Makes it. */
  constructor({ a, b }, [c], ...rest) { super(a); this.#items = rest; }
  get total() { return this.#items?.length ?? path.sep; }
  async *[Symbol.iterator]() {}
}

/** Adds. */
export const add = (a, b) => a && b ? a + b : 0, twice = x => add(x, x);
const Box = class extends Cart {};
function* walk(tree) {
  for (const t of tree) { switch (t.kind) { case 1: break; default: } }
  for (;;) { do { path.join('a') } while (0) }
  try { tree.visit?.(1) } catch (e) { throw new Error('Not implemented') }
  const inner = function named() { return Cart.create(this.x) };
}
module.exports = function main() {};
exports.run = async () => { await import('./late.js'); tag`text`; };
const table = { open() {}, close: function () {}, 'shut-down': () => 1, other: 2 };
