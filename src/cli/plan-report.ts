/** A training plan in words: what reports say of a network. */
import type { Architecture } from '../nn/architecture.ts';

/** "4000-8-1". */
export function shapeOf({ layers }: Architecture): string {
  return [layers[0].inputs, ...layers.map(({ units }) => units)].join('-');
}
