/** A plaintext vector encoded once for many products: multiplying by it costs one pass over the ciphertext. */
import type { Address } from '../../kernels/heap.ts';
import type { Poly } from '../../ring/poly.ts';
import { Ciphertext } from './ciphertext.ts';
import type { CkksContext } from './context.ts';

/** With all sixteen vectors distinct, pattern form is the polynomial itself. */
const WHOLE = 16;
/** Frees what was dropped without `dispose`. */
const forgotten: FinalizationRegistry<() => void> = new FinalizationRegistry((free) => free());

export class EncodedPlain {
  /** Level of the ciphertexts that it multiplies. */
  readonly level: number;
  /** The factor between its integers and the values. */
  readonly scale: number;
  /** One block a limb, in pattern form and Montgomery form (encoder.ts). */
  readonly blocks: readonly Address[];
  readonly blockBytes: number;
  /** Distinct vectors in a block of 64 coefficients. */
  readonly patterns: number;
  readonly #free: () => void;
  #alive = true;

  /** `values` as for `multiplyPlain`. Throws BAD_DATA when they do not fit at this scale. */
  constructor(context: CkksContext, values: Float64Array, scale: number, level: number) {
    const { encoder, engine, baseLimbs } = context;
    const { blocks, patterns } = encoder.encodePattern({ re: values }, scale, baseLimbs + level);
    const blockBytes = 4 * encoder.patternWords(values.length);
    this.level = level;
    this.scale = scale;
    this.blocks = blocks;
    this.blockBytes = blockBytes;
    this.patterns = patterns;
    this.#free = () => {
      for (const block of blocks) engine.release(block, blockBytes);
    };
    forgotten.register(this, this.#free, this);
  }

  dispose(): void {
    if (!this.#alive) return;
    this.#alive = false;
    forgotten.unregister(this);
    this.#free();
  }

  get disposed(): boolean {
    return !this.#alive;
  }
}

/** a ⊙ plain, not rescaled: scale a.scale·plain.scale. RangeError for another level or a disposed plaintext. */
export function multiplyEncoded(context: CkksContext, a: Ciphertext, plain: EncodedPlain): Ciphertext {
  if (plain.disposed) throw new RangeError('multiplyEncoded: this plaintext was disposed');
  if (a.level !== plain.level) {
    throw new RangeError(`multiplyEncoded: expected a ciphertext of level ${plain.level}, got level ${a.level}`);
  }
  const { engine, ring } = context;
  const { blocks, blockBytes, patterns } = plain;
  const outs = [a.c0, a.c1].map((poly) => ring.allocate('ntt', poly.indices)) as [Poly<'ntt'>, Poly<'ntt'>];
  blocks.forEach((block, j) => {
    [a.c0, a.c1].forEach((poly, half) => {
      const [out, limb, prime] = [(outs[half] as Poly<'ntt'>).limb(j), poly.limb(j), poly.prime(j)];
      if (patterns === WHOLE) engine.innerProduct(out, [limb, block], ring.N, prime);
      else engine.multiplyDiagonals([limb], block, blockBytes, [out], patterns, ring.N, prime, 1);
    });
  });
  engine.flush();
  return new Ciphertext(outs[0], outs[1], a.level, a.scale * plain.scale);
}
