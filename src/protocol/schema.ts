/** Headers against zod schemas: a wrong file is the user's (BAD_FILE), a wrong argument the programmer's (TypeError). */
import * as z from 'zod';
import { ONE_LINE } from '../base/plain-text.ts';
import { badFile } from './bad-file.ts';
import { findNonJson, type JsonValue } from './json.ts';

/** Where and why a value does not fit; never the value. */
function firstIssue(error: z.ZodError): string {
  const [issue] = error.issues;
  const path = issue.path.map(String).join('.');
  return `${path === '' ? 'header' : path}: ${issue.message}`;
}

/** The value, checked; throws BAD_FILE. */
export function parseHeader<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw badFile(`${what} does not describe what it should (${firstIssue(result.error)})`);
}

/** The value, checked before it is written; throws TypeError. */
export function checkHeader<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new TypeError(`${what}: ${firstIssue(result.error)}`);
}

/** Plain JSON of any shape, handed through untouched. */
export const jsonValue: z.ZodType<JsonValue> = z.custom<JsonValue>(
  (value) => findNonJson(value) === undefined,
  'expected plain JSON',
);

/** SHA-256 based identifiers, of keys, models and runs: 16 to 64 lower-case hexadecimal digits. */
export const hexIdentifier: z.ZodType<string> = z
  .string()
  .regex(/^[0-9a-f]{16,64}$/, 'expected 16 to 64 lower-case hexadecimal digits');

/** An integer of 0 … high. */
export function count(high: number): z.ZodType<number> {
  return z.number().int().min(0).max(high);
}

/** A line that people read: of so many characters, none of which is a control character. */
export function line(maxLength: number, minLength = 0): z.ZodType<string> {
  return z.string().min(minLength).max(maxLength).regex(ONE_LINE, 'expected one line of text');
}

/** A name that people or programs gave: letters, digits and . : _ - of at most `maxLength`. */
export function name(maxLength: number): z.ZodType<string> {
  return z
    .string()
    .min(1)
    .max(maxLength)
    .regex(/^[\w.:-]*$/, 'expected letters, digits and .:_-');
}
