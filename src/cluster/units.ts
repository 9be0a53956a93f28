/**
 * The units that a step falls into, as they stand in a queue: hashes and numbers, nothing else. A unit is a function of
 * its job: whoever computes it, however often, its outputs are the same bytes.
 */
import * as z from 'zod';
import { bytesToHex, sha256, utf8ToBytes } from '../base/bytes.ts';
import { BLOB_NAME } from './blob-store.ts';

/** Rate · gradients of one shard's rows: an output for each ciphertext of the weights. */
export interface GradientJob {
  readonly kind: 'gradient';
  readonly step: number;
  readonly shard: number;
  /** Fingerprint of the shard's rows. */
  readonly rows: string;
  readonly weights: readonly string[];
}

/** Sums of ciphertexts: an output for each list of terms. */
export interface SumJob {
  readonly kind: 'sum';
  readonly terms: readonly (readonly string[])[];
}

/** The update of some ciphertexts: a weight and, under momentum, a velocity for each. */
export interface UpdateJob {
  readonly kind: 'update';
  readonly step: number;
  /** Of the lowest gradient of all. */
  readonly level: number;
  readonly items: readonly {
    readonly weight: string;
    readonly velocity: string | null;
    /** Terms of the gradient's sum. */
    readonly gradients: readonly string[];
  }[];
}

/** One bootstrapping: the members of a group of the refresh, at the fresh level. */
export interface RefreshJob {
  readonly kind: 'refresh';
  readonly sets: 1 | 2;
  readonly group: number;
  /** In the order of the group's members. */
  readonly members: readonly string[];
}

/** One call to the owner: members of the state, blinded, there and back, at the fresh level. See `owner-refresh.ts`. */
export interface OwnerRefreshJob {
  readonly kind: 'owner-refresh';
  readonly step: number;
  /** Blob of the secret that masks are made from. */
  readonly secret: string;
  readonly members: readonly string[];
}

export type UnitJob = (GradientJob | SumJob | UpdateJob | RefreshJob | OwnerRefreshJob) & {
  /** Hash of the run's description. */
  readonly run: string;
};

export type UnitKind = UnitJob['kind'];

export interface UnitOutput {
  readonly blob: string;
  readonly level: number;
  readonly scale: number;
}

export interface UnitDone {
  readonly outputs: readonly UnitOutput[];
  /** Spent fetching, computing and storing. */
  readonly ms: { readonly fetch: number; readonly compute: number; readonly store: number };
  readonly bytes: { readonly fetched: number; readonly stored: number };
}

/** What a worker says of a unit that it could not do. */
export interface UnitRefused {
  readonly refused: string;
}

export type UnitResult = UnitDone | UnitRefused;

const blob = z.string().regex(BLOB_NAME);
const blobs = z.array(blob).min(1).max(4096);
const index = z
  .number()
  .int()
  .min(0)
  .max(2 ** 31);
const run = blob;

const job: z.ZodType<UnitJob> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('gradient'), run, step: index, shard: index, rows: blob, weights: blobs }),
  z.strictObject({ kind: z.literal('sum'), run, terms: z.array(blobs).min(1).max(4096) }),
  z.strictObject({
    kind: z.literal('update'),
    run,
    step: index,
    level: index,
    items: z
      .array(z.strictObject({ weight: blob, velocity: blob.nullable(), gradients: blobs }))
      .min(1)
      .max(4096),
  }),
  z.strictObject({
    kind: z.literal('refresh'),
    run,
    sets: z.union([z.literal(1), z.literal(2)]),
    group: index,
    members: blobs,
  }),
  z.strictObject({ kind: z.literal('owner-refresh'), run, step: index, secret: blob, members: blobs }),
]);

const amount = z.number().min(0);
const done: z.ZodType<UnitDone> = z.strictObject({
  outputs: z
    .array(z.strictObject({ blob, level: index, scale: z.number().positive() }))
    .min(1)
    .max(8192),
  ms: z.strictObject({ fetch: amount, compute: amount, store: amount }),
  bytes: z.strictObject({ fetched: amount, stored: amount }),
});
const result: z.ZodType<UnitResult> = z.union([done, z.strictObject({ refused: z.string().max(2000) })]);

/** Undefined for what is no job. */
export function parseJob(value: unknown): UnitJob | undefined {
  return job.safeParse(value).data;
}

/** Undefined for what no worker of ours says. */
export function parseResult(value: unknown): UnitResult | undefined {
  return result.safeParse(value).data;
}

/** 64 bits that tell jobs of the same place in a run apart: a run that goes on from other ciphertexts has other jobs. */
export async function jobTag(unit: UnitJob): Promise<string> {
  return bytesToHex(await sha256(utf8ToBytes(JSON.stringify(unit)))).slice(0, 16);
}
