/** Numbers of the feature settings, which go into model files. */

/** No settings describe more features than this. */
export const MOST_FEATURES: number = 2 ** 20;

/** No settings describe more classes than this. */
export const MOST_CLASSES = 1000;

/**
 * `value` to 7 significant digits: what a Float32 holds, in half the letters of JSON. Settings are rounded when they
 * are fitted, so that those in memory equal those read back.
 */
export function rounded(value: number): number {
  return Number(value.toPrecision(7));
}
