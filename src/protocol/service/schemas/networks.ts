/** Networks, their models and runs. */
import * as z from 'zod';
import type {
  CreateNetwork,
  Lineage,
  ModelStatus,
  Progress,
  RunHistory,
  ServedLayer,
  ServedModel,
  ServedNetwork,
  ServedRun,
} from '../types.ts';
import { bytes, count, givenName, id, time } from './fields.ts';
import { keySchema, partySchema } from './parties.ts';
import { gateResultSchema, gatesSchema } from './policies.ts';

const layerSchema: z.ZodType<ServedLayer> = z.strictObject({
  inputs: count,
  units: count,
  activation: z.string().max(64),
  useBias: z.boolean(),
});

const modelStatusSchema: z.ZodType<ModelStatus> = z.enum(['sealed', 'accepted', 'refused']);

export const modelSchema: z.ZodType<ServedModel> = z.strictObject({
  /** Identity of the sealed file. */
  id,
  networkId: id,
  /** The model it was trained from; absent for the first. */
  parentId: id.optional(),
  /** Who made it: absent for the owner. */
  partyId: id.optional(),
  keyId: id,
  status: modelStatusSchema,
  /** sealed: handed out to a party, or the first. accepted, refused: came back. */
  createdAt: time,
  round: count,
  bytes,
  sha256: id,
  steps: count.optional(),
  rows: count.optional(),
  /** Differential privacy that the trainer states, and signs. */
  epsilon: z.number().positive().optional(),
  /** On the owner's held-out rows: what the owner sees, and no trainer. */
  accuracy: z.number().min(0).max(1).optional(),
  /** ½·Σ(ŷ − y)² a row of them. */
  loss: z.number().min(0).optional(),
  gates: z.array(gateResultSchema),
  /** Digest of the signed training record, which is chained to the parent's. */
  recordDigest: id.optional(),
});

export const networkSchema: z.ZodType<ServedNetwork> = z.strictObject({
  id,
  name: givenName,
  createdAt: time,
  layers: z.array(layerSchema),
  weights: count,
  /** Parameter set: L14, …. */
  set: z.string().max(32),
  securityBits: count,
  gates: gatesSchema,
  /** Rows that the owner holds out; 0 where there are none. */
  heldOutRows: count,
  /** The accepted model that the next party goes on with. */
  headId: id,
  models: count,
  parties: count,
});

export const createNetworkSchema: z.ZodType<CreateNetwork> = z.strictObject({
  name: givenName,
  /** Units and activation of each layer: "8:square,1:lin4". Or a recipe instead. */
  layers: z.string().max(500).optional(),
  recipe: z.string().max(32).optional(),
  /** A sample of the data that the features are fitted on, CSV with a header line. */
  sampleCsv: z.string().max(20_000_000).optional(),
  label: z.string().max(200).optional(),
  /** Column of text to learn from instead of numeric columns. */
  text: z.string().max(200).optional(),
  /** The owner's held-out rows, CSV. */
  heldOutCsv: z.string().max(50_000_000).optional(),
  set: z.enum(['L13', 'L14', 'L15', 'B16']).optional(),
  batch: count.min(1).max(65_536).optional(),
  gates: gatesSchema.optional(),
});

export const lineageSchema: z.ZodType<Lineage> = z.strictObject({
  network: networkSchema,
  /** Oldest first. */
  models: z.array(modelSchema),
  parties: z.array(partySchema),
  /** All of the network, retired ones too. */
  keys: z.array(keySchema),
});

export const runSchema: z.ZodType<ServedRun> = z.strictObject({
  id: z.string().min(1).max(64),
  partyId: id,
  networkId: id,
  step: count,
  steps: count,
  rowsPerSecond: z.number().min(0),
  startedAt: time,
  lastSeenAt: time,
  state: z.enum(['running', 'silent', 'finished']),
});

/** The whole of a run, thinned so that a long one is as small as a short one. */
export const runHistorySchema: z.ZodType<RunHistory> = z.strictObject({
  run: runSchema,
  /** Oldest first: the first and the last report are among them. */
  samples: z.array(z.strictObject({ at: time, step: count, rowsPerSecond: z.number().min(0) })),
});

export const progressSchema: z.ZodType<Progress> = z.strictObject({
  step: count,
  steps: count.min(1),
  rowsPerSecond: z.number().min(0),
});
