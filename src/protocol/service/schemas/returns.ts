/** What trainers send in, and what is released to them. */
import * as z from 'zod';
import type {
  Decision,
  ReleasedRow,
  SubmissionRequest,
  UnlockRequest,
  UnlockView,
  Upload,
  UploadRequest,
} from '../types.ts';
import { bytes, count, id, time } from './fields.ts';

export const uploadRequestSchema: z.ZodType<UploadRequest> = z.strictObject({
  kind: z.enum(['model', 'predictions']),
  bytes: bytes.min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

export const uploadSchema: z.ZodType<Upload> = z.strictObject({
  id,
  received: bytes,
  bytes,
  state: z.enum(['open', 'complete']),
});

export const submissionRequestSchema: z.ZodType<SubmissionRequest> = z.strictObject({
  uploadId: id,
  /** The signed training record, as JSON text, exactly as it was signed. */
  record: z.string().max(100_000),
  signature: z.string().regex(/^[A-Za-z0-9_-]{86}$/),
});

/** Of a request to unlock. */
export const MOST_UNLOCK_ROWS = 100_000;

export const unlockRequestSchema: z.ZodType<UnlockRequest> = z.strictObject({
  uploadId: id,
  rows: z.array(count).min(1).max(MOST_UNLOCK_ROWS),
  /** Of verified mode: the features of those rows, in order. They leave the trainer. */
  features: z.array(z.array(z.number())).max(MOST_UNLOCK_ROWS).optional(),
  /** False reports an earlier denial of the same rows instead of asking anew. */
  again: z.boolean().optional(),
});

const releasedRowSchema: z.ZodType<ReleasedRow> = z.strictObject({
  row: count,
  label: count,
  outputs: z.array(z.number()).optional(),
});

export const unlockSchema: z.ZodType<UnlockView> = z.strictObject({
  id,
  partyId: id,
  networkId: id,
  /** Of the predictions. */
  keyId: id,
  createdAt: time,
  rows: count,
  status: z.enum(['pending', 'answered', 'denied']),
  decidedAt: time.optional(),
  reason: z.string().max(500).optional(),
  /** In verified mode: rows whose sealed prediction is not what the owner computes. For the owner's eyes. */
  mismatches: count.optional(),
  /** While it waits: bits of its key that an approval releases, at most. For the owner's eyes. */
  bits: count.optional(),
  answers: z.array(releasedRowSchema).optional(),
});

export const decisionSchema: z.ZodType<Decision> = z.strictObject({ reason: z.string().max(500).optional() });
