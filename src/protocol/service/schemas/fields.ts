/** Fields that occur in many messages. */
import * as z from 'zod';
import { ONE_LINE } from '../../../base/plain-text.ts';

export const id: z.ZodString = z.string().regex(/^[0-9a-f]{16,64}$/, 'expected 16 to 64 lower-case hexadecimal digits');
export const time: z.ZodISODateTime = z.iso.datetime();
export const bytes: z.ZodNumber = z.number().int().min(0);
export const count: z.ZodNumber = z.number().int().min(0);
/** Names that people give: one line, no control characters. */
export const givenName: z.ZodType<string> = z
  .string()
  .trim()
  .min(1)
  .max(80)
  .regex(ONE_LINE, 'expected one line of text');
