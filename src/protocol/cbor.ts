/**
 * Headers as deterministic CBOR (RFC 8949, section 4.2.1). Decoding is strict: exactly one
 * value, no indefinite lengths, tags, undefined, NaN, infinities, integers beyond 2^53 or double keys, and only the
 * one encoding that this writer would have chosen, so that a header has one form and can be signed.
 */
import { type DecodeOptions, decode, encode, Tokenizer } from 'cborg';
import { equalBytes } from '../base/bytes.ts';
import { badFile } from './bad-file.ts';

/** Items (numbers, strings, maps, …) of a header: bounds the memory that one byte of header can claim. */
const MAX_ITEMS = 1 << 21;

const STRICT: DecodeOptions = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
  allowBigInt: false,
  rejectDuplicateMapKeys: true,
};

class CountingTokenizer extends Tokenizer {
  #items = 0;

  override next(): ReturnType<Tokenizer['next']> {
    if (++this.#items > MAX_ITEMS) throw new RangeError('too many items');
    return super.next();
  }
}

/** Properties that are `undefined` are left out. Throws for values that CBOR has no form for. */
export function encodeCbor(value: unknown): Uint8Array {
  return encode(value, { ignoreUndefinedProperties: true });
}

/** Throws BAD_FILE for anything that `encodeCbor` would not have written. */
export function decodeCbor(bytes: Uint8Array, what: string): unknown {
  let value: unknown;
  let canonical: Uint8Array;
  try {
    value = decode(bytes, { ...STRICT, tokenizer: new CountingTokenizer(bytes, STRICT) });
    canonical = encodeCbor(value);
  } catch (cause) {
    // Any error of the decoder, a stack exhausted by nesting included, means the same to the user.
    throw badFile(`${what} is not valid CBOR`, { cause });
  }
  if (!equalBytes(canonical, bytes)) throw badFile(`${what} is not in deterministic CBOR`);
  return value;
}
