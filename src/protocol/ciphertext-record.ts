/**
 * Ciphertexts as this floor sees them: a level, a scale and residues. Each stored polynomial is one section; where the
 * second polynomial was expanded from a seed, the seed stands in the header and only the first is stored.
 */
import * as z from 'zod';
import { copyBytes } from '../base/bytes.ts';
import { checkBytes, checkLength } from '../base/checks.ts';
import { MOST_CIPHERTEXTS } from '../nn/sealed/layout.ts';
import { badFile } from './bad-file.ts';
import type { ContainerReader } from './container-reader.ts';
import type { CiphertextParameters } from './parameters.ts';
import { decodeResidues, encodeResidues, polynomialBytes } from './residues.ts';
import { count } from './schema.ts';

export interface CiphertextRecord {
  readonly level: number;
  readonly scale: number;
  /** Primes of the modulus at this level. */
  readonly limbs: number;
  /** 32 bytes; then the second polynomial is expanded from it and `polynomials` holds the first alone. */
  readonly seed?: Uint8Array;
  /** c0 and, without a seed, c1: limbs × N residues each, limb after limb. */
  readonly polynomials: readonly Uint32Array[];
}

export interface NamedRecord extends CiphertextRecord {
  readonly name: string;
}

/** What stands in a header for one ciphertext. */
export interface RecordHeader {
  readonly level: number;
  readonly scale: number;
  readonly limbs: number;
  readonly seed?: Uint8Array | undefined;
}

const SEED_BYTES = 32;
const MAX_SCALE = 2 ** 120;
/** Ciphertexts of one file. */
export const MAX_RECORDS: number = MOST_CIPHERTEXTS;

interface RecordFields {
  level: z.ZodType<number>;
  scale: z.ZodType<number>;
  limbs: z.ZodType<number>;
  seed: z.ZodOptional<z.ZodType<Uint8Array>>;
}

/** Fields of `RecordHeader`, to be spread into the schemas of the files. */
export const recordFields: RecordFields = {
  level: count(1000),
  scale: z.number().refine((scale) => scale > 1 && scale < MAX_SCALE, 'expected a scale between 1 and 2^120'),
  limbs: count(1000),
  seed: z
    .custom<Uint8Array>((value) => value instanceof Uint8Array && value.length === SEED_BYTES, 'expected 32 bytes')
    .optional(),
};

export const recordHeader: z.ZodType<RecordHeader> = z.strictObject(recordFields);
export const namedRecordHeader: z.ZodType<RecordHeader & { readonly name: string }> = z.strictObject({
  ...recordFields,
  name: z.string().regex(/^[\w./:-]{1,200}$/, 'expected a name of letters, digits and ./:_-'),
});

/** Names occur once. */
export function uniqueNames(records: readonly { readonly name: string }[]): boolean {
  return new Set(records.map(({ name }) => name)).size === records.length;
}

/** The header of a record, without its residues; throws RangeError where it does not fit the parameters. */
export function headerOf(record: CiphertextRecord, parameters: CiphertextParameters): RecordHeader {
  const complaint = findMisfit(record, parameters);
  if (complaint !== undefined) throw new RangeError(`ciphertext: ${complaint}`);
  checkLength('polynomials', record.polynomials, storedPolynomials(record));
  if (record.seed !== undefined) checkBytes('seed', record.seed, SEED_BYTES);
  const { level, scale, limbs, seed } = record;
  return { level, scale, limbs, ...(seed === undefined ? {} : { seed }) };
}

function storedPolynomials(record: RecordHeader): number {
  return record.seed === undefined ? 2 : 1;
}

function findMisfit(record: RecordHeader, { limbsAtLevel }: CiphertextParameters): string | undefined {
  const top = limbsAtLevel.length - 1;
  if (!Number.isInteger(record.level) || record.level < 0 || record.level > top) return `level is not in 0 … ${top}`;
  if (record.limbs !== limbsAtLevel[record.level])
    return `level ${record.level} has ${limbsAtLevel[record.level]} limbs`;
  if (!(record.scale > 1 && record.scale < MAX_SCALE)) return 'scale is not between 1 and 2^120';
  return undefined;
}

/** Section lengths of the records in order, computed from the parameters alone. */
export function recordSectionLengths(records: readonly RecordHeader[], parameters: CiphertextParameters): number[] {
  return records.flatMap((record) =>
    new Array<number>(storedPolynomials(record)).fill(polynomialBytes(parameters.description.N, record.limbs)),
  );
}

/** The sections of the records in order; residues are checked as they pass (RangeError). */
export function* recordSections(
  records: readonly CiphertextRecord[],
  parameters: CiphertextParameters,
): Generator<Uint8Array> {
  for (const { limbs, polynomials } of records) {
    const primes = parameters.primes.slice(0, limbs);
    for (const polynomial of polynomials) yield encodeResidues(polynomial, parameters.description.N, primes);
  }
}

/**
 * Throws BAD_FILE unless every record fits the parameters and the container's sections are exactly those that the
 * records need. To be called before the first section is read.
 */
export function checkRecordHeaders(
  records: readonly RecordHeader[],
  parameters: CiphertextParameters,
  container: ContainerReader,
): void {
  for (const [index, record] of records.entries()) {
    const complaint = findMisfit(record, parameters);
    if (complaint !== undefined) throw badFile(`ciphertext ${index} does not fit the parameters (${complaint})`);
  }
  const lengths = recordSectionLengths(records, parameters);
  const actual = container.sectionLengths;
  if (lengths.length !== actual.length || lengths.some((length, i) => length !== actual[i])) {
    throw badFile('the sections do not have the sizes that the ciphertexts need');
  }
}

/** Reads the residues of all records, in order; throws BAD_FILE. `checkRecordHeaders` must have passed. */
export async function readRecordBodies<H extends RecordHeader>(
  headers: readonly H[],
  parameters: CiphertextParameters,
  container: ContainerReader,
): Promise<(Omit<H, 'seed'> & CiphertextRecord)[]> {
  const records: (Omit<H, 'seed'> & CiphertextRecord)[] = [];
  for (const header of headers) {
    const { seed, ...rest } = header;
    const primes = parameters.primes.slice(0, header.limbs);
    const polynomials: Uint32Array[] = [];
    for (let i = 0; i < storedPolynomials(header); i++) {
      polynomials.push(decodeResidues(await container.readSection(), parameters.description.N, primes));
    }
    records.push({ ...rest, ...(seed === undefined ? {} : { seed: copyBytes(seed) }), polynomials });
  }
  return records;
}
