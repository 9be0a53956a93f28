/** Requests and answers of the service that are its own, beside those of `protocol/service/schemas.ts`. */
import * as z from 'zod';
import { createNetworkSchema, gatesSchema, unlockPolicySchema, unlockSchema } from '../../protocol/service/schemas.ts';
import type { AuditQuery, CreateNetwork, Gates, UnlockPolicy, UnlockView } from '../../protocol/service/types.ts';

/** What an owner may change of a party. */
export interface PartyChange {
  readonly refreshBudget?: number | undefined;
  readonly unlocks?: UnlockPolicy | undefined;
  /** From now until its token expires. */
  readonly hours?: number | undefined;
}

export const partyChangeSchema: z.ZodType<PartyChange> = z.strictObject({
  refreshBudget: z.number().int().min(0).max(1_000_000).optional(),
  unlocks: unlockPolicySchema.optional(),
  hours: z
    .number()
    .positive()
    .max(24 * 366)
    .optional(),
});

export const gatesChangeSchema: z.ZodType<{ readonly gates: Gates }> = z.strictObject({ gates: gatesSchema });

export interface UnlocksQuery {
  readonly status?: UnlockView['status'] | undefined;
}

export const unlocksQuerySchema: z.ZodType<UnlocksQuery> = z.strictObject({
  status: z.enum(['pending', 'answered', 'denied']).optional(),
});

export const unlockListSchema: z.ZodType<{ readonly unlocks: readonly UnlockView[] }> = z.strictObject({
  unlocks: z.array(unlockSchema),
});

/** Digits in an address. */
const digits = z
  .string()
  .regex(/^\d{1,15}$/, 'expected digits')
  .transform(Number);

export const auditQuerySchema: z.ZodType<AuditQuery> = z.strictObject({
  /** Default: oldest. */
  order: z.enum(['oldest', 'newest']).optional(),
  after: digits.optional(),
  before: digits.optional(),
  actor: z.string().max(80).optional(),
  action: z.string().max(40).optional(),
  /** All that was done to this network, its parties, keys and models. */
  network: z
    .string()
    .regex(/^[0-9a-f]{16,64}$/, 'expected an identifier')
    .optional(),
  limit: digits.pipe(z.number().min(1).max(1000)).optional(),
});

export const offsetQuerySchema: z.ZodType<{ readonly offset: number }> = z.strictObject({ offset: digits });

export const healthSchema: z.ZodType<{ schema: 1; status: 'ok'; service: 'owner'; version: string }> = z.strictObject({
  schema: z.literal(1),
  status: z.literal('ok'),
  service: z.literal('owner'),
  version: z.string(),
});

/** Sets for tests, where the service was told to take them. */
const INSECURE_SET = /^insecure-[\w-]{1,24}$/;

/** A network's description; with `allowInsecure` its set may be one for tests. */
export function networkRequestSchema(allowInsecure: boolean): z.ZodType<CreateNetwork> {
  if (!allowInsecure) return createNetworkSchema;
  return z.unknown().transform((value, context) => {
    const { set, ...rest } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
    const insecure = typeof set === 'string' && INSECURE_SET.test(set);
    const result = createNetworkSchema.safeParse(insecure ? rest : value);
    if (result.success) return insecure ? ({ ...result.data, set } as unknown as CreateNetwork) : result.data;
    const [{ message, path }] = result.error.issues;
    context.addIssue({ code: 'custom', message, path: [...path] });
    return z.NEVER;
  });
}
