/** One text for one JSON value, for signatures and digests. */

import { findNonJson, type JsonValue } from './json.ts';

/**
 * JSON without white space, the keys of every object by their UTF-16 units, entries that are undefined left out: what RFC 8785
 * (JSON Canonicalization Scheme) makes of the same value, for JSON.stringify writes numbers and strings as it asks.
 * Throws TypeError for what is no plain JSON.
 */
export function canonicalJson(value: JsonValue): string {
  const wrong = findNonJson(value);
  if (wrong !== undefined) throw new TypeError(`expected plain JSON, not what stands at ${wrong}`);
  return textOf(value);
}

function textOf(value: JsonValue): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (isList(value)) return `[${value.map(textOf).join(',')}]`;
  const entries = Object.entries(value).flatMap(([key, entry]) => (entry === undefined ? [] : [[key, entry] as const]));
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([key, entry]) => `${JSON.stringify(key)}:${textOf(entry)}`).join(',')}}`;
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
