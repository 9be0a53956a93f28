/** Feature settings read from outside, checked before anything is computed with them. */

import * as z from 'zod';
import { HermeticError } from '../base/errors.ts';
import type { FeatureSettings } from './settings.ts';
import { MOST_CLASSES, MOST_FEATURES } from './settings-numbers.ts';

const name = z.string().min(1).max(10_000);
const distinct = (names: readonly string[]): boolean => new Set(names).size === names.length;
const names = z.array(name).min(1).max(MOST_FEATURES).refine(distinct, 'expected names that differ');
// Bounds keep every product of theirs within a Float32 for inputs of ordinary size.
const positive = z.number().positive().max(1e100);
const numbers = z.array(z.number().min(-1e100).max(1e100)).min(1).max(MOST_FEATURES);

const numeric = z
  .strictObject({
    kind: z.literal('numeric'),
    columns: names,
    mean: numbers,
    deviation: z.array(positive),
    scale: positive,
  })
  .refine((s) => s.mean.length === s.columns.length && s.deviation.length === s.columns.length, 'lengths differ');

const text = z
  .strictObject({
    kind: z.literal('text'),
    column: name,
    vocabulary: names,
    idf: z.array(z.number().min(0).max(100)),
    mean: z.array(z.number().min(-1).max(1)),
    scale: positive,
  })
  .refine((s) => s.idf.length === s.vocabulary.length && s.mean.length === s.vocabulary.length, 'lengths differ');

const side = z.number().int().min(1).max(1024);
const image = z
  .strictObject({
    kind: z.literal('image'),
    columns: names,
    width: side,
    height: side,
    mean: z.array(z.number().min(0).max(1)),
  })
  .refine((s) => s.mean.length === s.width * s.height && s.columns.length === s.mean.length, 'lengths differ');

const label = z
  .strictObject({
    column: name,
    classes: z.array(name).min(2).max(MOST_CLASSES).refine(distinct, 'expected classes that differ'),
    outputs: z.number().int().min(1).max(MOST_CLASSES),
    offset: z.number().min(0).max(1),
  })
  .refine((s) => (s.outputs === 1 ? s.classes.length === 2 : s.outputs === s.classes.length), 'outputs do not fit');

const featureSettings: z.ZodType<FeatureSettings> = z.strictObject({
  version: z.literal(1),
  inputs: z.discriminatedUnion('kind', [numeric, text, image]),
  label,
});

/**
 * `value`, checked to be feature settings of this version.
 * @throws HermeticError BAD_FILE naming the part that is wrong
 */
export function parseFeatureSettings(value: unknown): FeatureSettings {
  const result = featureSettings.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = issue.path.length === 0 ? 'as a whole' : issue.path.map(String).join('.');
  throw new HermeticError('BAD_FILE', `the feature settings cannot be used (${path}: ${issue.message})`, {
    mend: 'The file was damaged, or made by another version: make it anew with `hermetic init`.',
  });
}
