/** What a worker must know of a run: network, recipe, refresh. Public, the same for all machines, a blob like others. */
import * as z from 'zod';
import { bytesToUtf8, utf8ToBytes } from '../base/bytes.ts';
import type { TrainingRecipe } from '../nn/architecture.ts';
import { parseSealedLayout } from '../nn/sealed/layout.ts';
import type { RefreshMode } from '../nn/sealed/plan.ts';
import type { SealedNetwork } from '../nn/sealed/sealed-network.ts';
import { architectureSchema } from '../protocol/architecture-schema.ts';
import { badFile } from '../protocol/bad-file.ts';
import type { JsonValue } from '../protocol/json.ts';
import { layoutJson } from '../protocol/layout-json.ts';
import { recipeSchema } from '../protocol/recipe-schema.ts';
import { count, hexIdentifier, jsonValue, parseHeader } from '../protocol/schema.ts';
import { SEALED_SEED_DIGITS, type SealedNoise } from './noise-key.ts';

export interface RunDescription {
  readonly run: string;
  readonly keyId: string;
  readonly modelId: string;
  /** The layout of a shard. */
  readonly network: SealedNetwork;
  /** Feature settings that travel in the model. */
  readonly features: JsonValue;
  readonly recipe: TrainingRecipe;
  readonly shards: number;
  readonly refreshMode: RefreshMode;
  readonly freshLevel: number;
  /** What rows get before anything else happens. */
  readonly noise?: SealedNoise | undefined;
}

/** A description is a page of settings and, for texts, a vocabulary. */
export const MAX_DESCRIPTION_BYTES: number = 16 << 20;

const schema = z.strictObject({
  version: z.literal(1),
  run: hexIdentifier,
  keyId: hexIdentifier,
  modelId: hexIdentifier,
  architecture: architectureSchema,
  layout: jsonValue,
  features: jsonValue,
  recipe: recipeSchema,
  shards: count(2 ** 20),
  refreshMode: z.enum(['none', 'owner', 'bootstrap']),
  freshLevel: count(1000),
  noise: z
    .strictObject({
      epsilon: z.number().positive(),
      delta: z.number().positive(),
      bound: z.number().positive(),
      seed: z
        .string()
        .length(SEALED_SEED_DIGITS)
        .regex(/^[0-9a-f]+$/),
    })
    .optional(),
});

export function encodeDescription({ network, ...rest }: RunDescription): Uint8Array {
  const { architecture, layout } = network;
  return utf8ToBytes(canonical({ version: 1, ...rest, architecture, layout: layoutJson(layout) }));
}

/** JSON with sorted keys: a run that goes on from its checkpoint has the description that it began with. */
function canonical(value: object): string {
  return JSON.stringify(value, (_, entry: unknown) =>
    typeof entry === 'object' && entry !== null && !Array.isArray(entry)
      ? Object.fromEntries(Object.entries(entry).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : entry,
  );
}

/** @throws HermeticError BAD_FILE */
export function decodeDescription(bytes: Uint8Array): RunDescription {
  const { version: _, architecture, layout, ...rest } = parseHeader(schema, parse(bytes), 'the run');
  return { ...rest, network: { architecture, layout: parseSealedLayout(layout, architecture) } };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(bytesToUtf8(bytes));
  } catch {
    throw badFile('the description of the run is no JSON');
  }
}
