/** The shape of a network as it stands in files: checked layer by layer, and each layer against the one before. */
import * as z from 'zod';
import type { Architecture, LayerWeights } from '../nn/architecture.ts';
import { count, line } from './schema.ts';

export const MAX_LAYERS = 64;
const MAX_UNITS = 1 << 24;

const width = z.number().int().min(1).max(MAX_UNITS);

const denseLayer = z.strictObject({
  kind: z.literal('dense'),
  inputs: width,
  units: width,
  activation: z.strictObject({
    name: line(64, 1),
    coefficients: z.array(z.number()).min(2).max(256),
  }),
  useBias: z.boolean(),
});

export const architectureSchema: z.ZodType<Architecture> = z
  .strictObject({ layers: z.array(denseLayer).min(1).max(MAX_LAYERS) })
  .refine(
    ({ layers }) => layers.every((layer, i) => i === 0 || layer.inputs === layers[i - 1].units),
    'expected each layer to take what the one before gives',
  );

/** A free-form list of what was done to the model (steps, batch, rows), oldest first. */
export const MAX_PROVENANCE = 4096;

/** How often a model may have gone back and forth between owner and trainers. */
export const roundSchema: z.ZodType<number> = count(2 ** 31);

/** Number of plain weights, biases included. */
export function weightCount({ layers }: Architecture): number {
  return layers.reduce((sum, { inputs, units, useBias }) => sum + inputs * units + (useBias ? units : 0), 0);
}

/** Where weights do not have the shapes of the architecture or are not finite, what is wrong; otherwise undefined. */
export function findWeightMisfit({ layers }: Architecture, weights: readonly LayerWeights[]): string | undefined {
  if (weights.length !== layers.length) return `${layers.length} layers but weights of ${weights.length}`;
  for (const [i, { inputs, units, useBias }] of layers.entries()) {
    const { kernel, bias } = weights[i];
    if (kernel.length !== inputs * units) return `kernel of layer ${i} is not ${inputs} × ${units}`;
    if ((bias?.length ?? 0) !== (useBias ? units : 0)) return `bias of layer ${i} does not fit its ${units} units`;
    if (!kernel.every(Number.isFinite)) return `kernel of layer ${i} holds NaN or infinity`;
    if (bias !== undefined && !bias.every(Number.isFinite)) return `bias of layer ${i} holds NaN or infinity`;
  }
  return undefined;
}
