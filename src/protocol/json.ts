/** JSON values: what the formats carry on behalf of other floors (feature settings, packing, provenance). */

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

/** Deeper nesting than any of ours; keeps recursion off the end of the stack. */
const MAX_DEPTH = 32;

/**
 * Where `value` is not plain JSON, the path to the offending place; otherwise undefined. Plain JSON: finite numbers,
 * strings, booleans, null, arrays and plain objects, at most 32 deep, without a key `__proto__`.
 */
export function findNonJson(value: unknown, path: string = '$', depth: number = 0): string | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return undefined;
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : path;
  if (typeof value !== 'object' || depth >= MAX_DEPTH) return path;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const found = findNonJson(value[i], `${path}[${i}]`, depth + 1);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return path;
  for (const [key, entry] of Object.entries(value)) {
    if (key === '__proto__') return `${path}.${key}`;
    const found = entry === undefined ? undefined : findNonJson(entry, `${path}.${key}`, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}
