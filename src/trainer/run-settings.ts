/** What makes two runs the same run: recipe and data. A checkpoint remembers it, and a resumed run must agree. */
import * as z from 'zod';
import { bytesOf, bytesToHex, concatBytes, sha256, utf8ToBytes } from '../base/bytes.ts';
import { HermeticError } from '../base/errors.ts';
import type { TrainingRecipe } from '../nn/architecture.ts';
import { shardOf, type TrainingData } from '../nn/feature-rows.ts';
import type { JsonValue } from '../protocol/json.ts';
import { recipeSchema } from '../protocol/recipe-schema.ts';
import { parseHeader } from '../protocol/schema.ts';
import type { PrivacySettings } from './privacy.ts';

/** The data as far as a run depends on them. Stays in the trainer's own checkpoint. */
export interface DataFingerprint {
  readonly rows: number;
  readonly columns: number;
  readonly outputs: number;
  readonly digest: string;
  /** Into which they are dealt; absent: one. */
  readonly shards?: number;
}

/** Privacy as a run has it: `seed` is a secret (hexadecimal), with which the noise comes off again. */
export interface RunPrivacy extends PrivacySettings {
  readonly seed: string;
}

export interface RunSettings {
  readonly recipe: TrainingRecipe;
  /** Of the rows as they are, without noise. */
  readonly data: DataFingerprint;
  readonly privacy?: RunPrivacy | undefined;
}

const finite = z.number();
const whole = z
  .number()
  .int()
  .min(0)
  .max(2 ** 53);

const settingsSchema: z.ZodType<RunSettings & { readonly version: 1 }> = z.strictObject({
  version: z.literal(1),
  recipe: recipeSchema,
  data: z.union([
    z.strictObject({ rows: whole, columns: whole, outputs: whole, digest: z.string() }),
    z.strictObject({ rows: whole, columns: whole, outputs: whole, digest: z.string(), shards: whole }),
  ]),
  privacy: z
    .strictObject({ epsilon: finite, delta: finite, bound: finite, seed: z.string().regex(/^[0-9a-f]{64}$/) })
    .optional(),
});

/** Numbers that are hashed at a time. */
const HASHED_AT_ONCE = 2 ** 20;

/** Shape of the data, and SHA-256 of the shape, of all features (in pieces, which are hashed one by one) and of all targets. */
export async function fingerprint({ features, targets }: TrainingData): Promise<DataFingerprint> {
  const { rows, columns } = features;
  const outputs = targets.length / rows;
  const digests = [utf8ToBytes(JSON.stringify([rows, columns, outputs])), await sha256(bytesOf(targets))];
  const piece = Math.max(1, Math.floor(HASHED_AT_ONCE / columns));
  for (let first = 0; first < rows; first += piece) {
    const indices = Uint32Array.from({ length: Math.min(piece, rows - first) }, (_, i) => first + i);
    const dense = new Float32Array(indices.length * columns);
    features.densify(indices, dense);
    digests.push(await sha256(bytesOf(dense)));
  }
  return { rows, columns, outputs, digest: bytesToHex(await sha256(concatBytes(...digests))) };
}

/** The fingerprint of each shard. */
export async function shardFingerprints(data: TrainingData, shards: number): Promise<DataFingerprint[]> {
  const prints: DataFingerprint[] = [];
  for (let index = 0; index < shards; index++) prints.push(await fingerprint(shardOf(data, index, shards)));
  return prints;
}

/** Of the whole, from its shards: nobody needs to hold all rows. One shard is the whole. */
export async function joinFingerprints(shards: readonly DataFingerprint[]): Promise<DataFingerprint> {
  const [{ columns, outputs }] = shards;
  if (shards.length === 1) return shards[0];
  const rows = shards.reduce((sum, shard) => sum + shard.rows, 0);
  const digest = bytesToHex(await sha256(utf8ToBytes(JSON.stringify(shards.map((shard) => shard.digest)))));
  return { rows, columns, outputs, digest, shards: shards.length };
}

export function settingsJson({ recipe, data, privacy }: RunSettings): JsonValue {
  const noise = privacy === undefined ? {} : { privacy: { ...privacy } };
  return { version: 1, recipe: { ...recipe, schedule: { ...recipe.schedule } }, data: { ...data }, ...noise };
}

/** @throws HermeticError BAD_FILE */
export function parseSettings(value: JsonValue): RunSettings {
  const { version: _, ...settings } = parseHeader(settingsSchema, value, 'the checkpoint');
  return settings;
}

/** A recipe without a learning rate goes on with the one that the run began with. */
export type OpenRecipe = Omit<TrainingRecipe, 'learningRate'> & { readonly learningRate: number | undefined };

/** @throws HermeticError BAD_ARGUMENT naming the first setting that is not as it was */
export function requireSameRun(
  before: RunSettings,
  recipe: OpenRecipe,
  data: DataFingerprint,
  privacy?: PrivacySettings,
): void {
  const { learningRate = before.recipe.learningRate } = recipe;
  const now = flatten({ recipe: { ...recipe, learningRate }, data, ...(privacy && { privacy }) });
  const then = flatten(before);
  then.delete('privacy.seed');
  const changed = [...new Set([...then.keys(), ...now.keys()])].find((key) => then.get(key) !== now.get(key));
  if (changed === undefined) return;
  const secret = changed === 'data.digest';
  throw new HermeticError(
    'BAD_ARGUMENT',
    `the checkpoint belongs to another run (${NAMES[changed] ?? changed} differs)`,
    {
      ...(secret ? {} : { expected: String(then.get(changed)), got: String(now.get(changed)) }),
      mend: 'Give the command as it was to go on, or name another checkpoint folder to start anew.',
    },
  );
}

const NAMES: Readonly<Record<string, string>> = {
  'recipe.learningRate': 'the learning rate',
  'recipe.weightDecay': 'the weight decay',
  'recipe.schedule.kind': 'the schedule',
  'recipe.schedule.decaySteps': 'the steps of the schedule',
  'recipe.batch': 'the batch',
  'recipe.steps': 'the number of steps',
  'recipe.firstStep': 'the first step of the schedule',
  'recipe.seed': 'the seed of the order of the rows',
  'recipe.momentum': 'the momentum',
  'recipe.nesterov': "Nesterov's momentum",
  'recipe.loss': 'the loss',
  'data.rows': 'the number of rows',
  'data.columns': 'the number of features',
  'data.outputs': 'the number of outputs',
  'data.digest': 'the data',
  'data.shards': 'the number of shards',
  'privacy.epsilon': 'ε of the privacy',
  'privacy.delta': 'δ of the privacy',
  'privacy.bound': 'the bound of the privacy',
};

/** Leaves by their dotted paths. */
function flatten(value: object, prefix: string = '', into: Map<string, unknown> = new Map()): Map<string, unknown> {
  for (const [key, entry] of Object.entries(value)) {
    if (typeof entry === 'object' && entry !== null) flatten(entry, `${prefix}${key}.`, into);
    else if (entry !== undefined) into.set(prefix + key, entry);
  }
  return into;
}
