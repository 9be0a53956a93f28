/** What the service's answers are read as: bytes of a bounded number, JSON of the contract, or an error. */
import * as z from 'zod';
import { readAll, streamSource } from '../protocol/byte-source.ts';
import * as schemas from '../protocol/service/schemas.ts';
import type { UnlockView } from '../protocol/service/types.ts';
import { nonsense } from './service-error.ts';

export interface Health {
  readonly schema: 1;
  readonly status: 'ok';
  /** 'owner' where the whole service is there, 'refresh' where only refreshes are answered. */
  readonly service: string;
  readonly version?: string | undefined;
}

export const health: z.ZodType<Health> = z.object({
  schema: z.literal(1),
  status: z.literal('ok'),
  service: z.string().max(32),
  version: z.string().max(40).optional(),
});
export const unlockList: z.ZodType<{ unlocks: UnlockView[] }> = z.object({ unlocks: z.array(schemas.unlockSchema) });

const MAX_JSON_BYTES = 2 ** 26;

export async function bytesOf({ body }: Response, maxBytes: number): Promise<Uint8Array> {
  return body === null ? new Uint8Array(0) : readAll(streamSource(body, { maxBytes }), maxBytes);
}

/** @throws HermeticError REFRESH_FAILED for an answer that is not of the contract */
export async function jsonOf<T>(response: Response, path: string, schema: z.ZodType<T>): Promise<T> {
  const bytes = await bytesOf(response, MAX_JSON_BYTES);
  try {
    return schema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (error) {
    throw nonsense(path, error);
  }
}
