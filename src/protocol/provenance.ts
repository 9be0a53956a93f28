/**
 * What was done to a model, oldest first: how its weights were drawn, then an entry for each training run. Written by
 * owner and trainers, readable by all; no data, no weights, no names of keys or files stand in it. Entries of other
 * kinds are carried along and passed over, until the owner gives the model to another trainer.
 */
import * as z from 'zod';
import type { Architecture, TrainingRecipe } from '../nn/architecture.ts';
import { glorotUniform, type Initializer } from '../nn/initializers.ts';
import { MAX_LAYERS } from './architecture-schema.ts';
import type { JsonValue } from './json.ts';
import type { StatedPrivacy } from './training-record.ts';

/** The public distribution of the first weights: what a trainer's shadow run draws from. The seed is secret. */
export interface InitEntry {
  readonly kind: 'init';
  /** Of the kernels, one a layer. */
  readonly initializers: readonly Initializer[];
}

/** A training run. */
export interface TrainingEntry {
  readonly kind: 'training';
  /** Steps taken: fewer than the recipe's where the run was stopped. */
  readonly steps: number;
  /** Rows that the trainer had. */
  readonly rows: number;
  readonly refresh: 'none' | 'owner' | 'bootstrap';
  readonly recipe: TrainingRecipe;
  /** Of the rows, where the trainer states any. */
  readonly privacy?: StatedPrivacy | undefined;
}

const bounded = z.number().min(-1e6).max(1e6);
const whole = z
  .number()
  .int()
  .min(0)
  .max(2 ** 40);

const initializer: z.ZodType<Initializer> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('normal'), mean: bounded, deviation: bounded }),
  z.strictObject({ kind: z.literal('uniform'), low: bounded, high: bounded }),
  z.strictObject({ kind: z.literal('alternatingUniform'), low: bounded, high: bounded }),
  z.strictObject({ kind: z.literal('scaledNormal'), scale: bounded }),
  z.strictObject({ kind: z.literal('glorotNormal') }),
  z.strictObject({ kind: z.literal('glorotUniform') }),
  z.strictObject({ kind: z.literal('heNormal') }),
  z.strictObject({ kind: z.literal('zeros') }),
]);

const initEntry: z.ZodType<InitEntry> = z.strictObject({
  kind: z.literal('init'),
  initializers: z.array(initializer).max(MAX_LAYERS),
});

const trainingEntry = z.object({ kind: z.literal('training'), steps: whole });

export function describeInitialization(initializers: readonly Initializer[]): JsonValue {
  return { kind: 'init', initializers: initializers.map((entry) => ({ ...entry })) };
}

export function describeTraining({ steps, rows, refresh, recipe, privacy }: Omit<TrainingEntry, 'kind'>): JsonValue {
  const { schedule, ...rest } = recipe;
  const stated = privacy === undefined ? {} : { privacy: { ...privacy } };
  return { kind: 'training', steps, rows, refresh, recipe: { ...rest, schedule: { ...schedule } }, ...stated };
}

/** The first 'init' entry: the owner's, who made the model. Trainers only add to the end. */
function initializationOf(provenance: readonly JsonValue[]): InitEntry | undefined {
  for (const entry of provenance) {
    const { data } = initEntry.safeParse(entry);
    if (data !== undefined) return data;
  }
  return undefined;
}

/** The distribution that the first 'init' entry names, if it fits the network; else Keras's default. */
export function initializersOf(provenance: readonly JsonValue[], architecture: Architecture): readonly Initializer[] {
  const { layers } = architecture;
  const { initializers } = initializationOf(provenance) ?? { initializers: [] };
  return initializers.length === layers.length ? initializers : layers.map(() => glorotUniform());
}

/** How the weights were drawn, in the fields that are known, and nothing else: what a next trainer may know. */
export function forgetTraining(provenance: readonly JsonValue[]): JsonValue[] {
  const entry = initializationOf(provenance);
  return entry === undefined ? [] : [describeInitialization(entry.initializers)];
}

/** Training runs so far, and their steps. */
export function trainingSoFar(provenance: readonly JsonValue[]): { readonly runs: number; readonly steps: number } {
  const entries = provenance.flatMap((entry) => trainingEntry.safeParse(entry).data ?? []);
  return { runs: entries.length, steps: entries.reduce((sum, { steps }) => sum + steps, 0) };
}
