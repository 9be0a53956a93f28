/**
 * First weights of the post's networks. The post draws them with numpy: `RandomState(1234)`. Standard normal draws of that
 * generator stand here as data: for the XOR network those after the eight uniform numbers that encrypting the four
 * answers takes, for the reviews the first. Further draws come from this package's public generator.
 */

import { SeededRandom } from '../../base/seeded-random.ts';

const XOR_NORMALS: readonly number[] = [
  0.015696372114428918, -2.2426849541854055, 1.150035724719818, 0.9919460223426778, 0.9533241281124304,
  -2.0212548201949705, -0.334077365808097, 0.002118364683486495, 0.405453411570191, 0.2890919409800353,
  1.3211581921293856, -1.5469055532292402, -0.2026463246291819, -0.6559693441389339, 0.19342137647035826,
  0.5534389109567419,
];

const REVIEW_NORMALS: readonly number[] = [
  0.47143516373249306, -1.1909756947064645, 1.4327069684260973, -0.3126518960917129, -0.7205887333650116,
  0.8871629403077386, 0.8595884137174165, -0.6365235044173491,
];

const XOR_INPUTS = 3;
export const XOR_HIDDEN = 4;

export interface XorWeights {
  /** The rows of the first layer: bias, first and second input. */
  readonly rows: readonly (readonly number[])[];
  readonly output: readonly number[];
}

/** N(−0.1, 0.2²), as the post has it; draw 0 is the post's own. */
export function xorWeights(draw: number): XorWeights {
  const random = new SeededRandom(draw);
  const normals = draw === 0 ? XOR_NORMALS : Array.from({ length: XOR_NORMALS.length }, () => random.normal());
  const values = normals.map((value) => 0.2 * value - 0.1);
  const rows = Array.from({ length: XOR_INPUTS }, (_, i) => values.slice(i * XOR_HIDDEN, (i + 1) * XOR_HIDDEN));
  return { rows, output: values.slice(XOR_INPUTS * XOR_HIDDEN) };
}

/** N(0, 1) for the eight hidden units; the rows of the first layer begin at zero. */
export function reviewOutputWeights(): readonly number[] {
  return REVIEW_NORMALS;
}
