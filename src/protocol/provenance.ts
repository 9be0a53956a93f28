/**
 * What was done to a model, oldest first: how its weights were drawn, then an entry for each training run. Written by
 * owner and trainers, readable by all; no data, no weights, no names of keys or files stand in it. Entries of other
 * kinds are carried along and passed over.
 */
import * as z from 'zod';
import type { Architecture, TrainingRecipe } from '../nn/architecture.ts';
import { glorotUniform, type Initializer } from '../nn/initializers.ts';
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

const initEntry: z.ZodType<InitEntry> = z.object({ kind: z.literal('init'), initializers: z.array(initializer) });

const trainingEntry = z.object({ kind: z.literal('training'), steps: whole });

export function describeInitialization(initializers: readonly Initializer[]): JsonValue {
  return { kind: 'init', initializers: initializers.map((entry) => ({ ...entry })) };
}

export function describeTraining({ steps, rows, refresh, recipe, privacy }: Omit<TrainingEntry, 'kind'>): JsonValue {
  const { schedule, ...rest } = recipe;
  const stated = privacy === undefined ? {} : { privacy: { ...privacy } };
  return { kind: 'training', steps, rows, refresh, recipe: { ...rest, schedule: { ...schedule } }, ...stated };
}

/** The distribution that the newest 'init' entry names, if it fits the network; else Keras's default. */
export function initializersOf(provenance: readonly JsonValue[], architecture: Architecture): readonly Initializer[] {
  const { layers } = architecture;
  const entries = provenance.flatMap((entry) => initEntry.safeParse(entry).data ?? []);
  const { initializers } = entries.at(-1) ?? { initializers: [] };
  return initializers.length === layers.length ? initializers : layers.map(() => glorotUniform());
}

/** Without its training runs: what a next trainer may know. */
export function forgetTraining(provenance: readonly JsonValue[]): JsonValue[] {
  return provenance.filter((entry) => initEntry.safeParse(entry).success);
}

/** Training runs so far, and their steps. */
export function trainingSoFar(provenance: readonly JsonValue[]): { readonly runs: number; readonly steps: number } {
  const entries = provenance.flatMap((entry) => trainingEntry.safeParse(entry).data ?? []);
  return { runs: entries.length, steps: entries.reduce((sum, { steps }) => sum + steps, 0) };
}
