/**
 * The real or the imaginary part of a complex slot: one ciphertext of an integer scheme, computed when it is first needed.
 * What is never needed, as the imaginary part of a product of which only the real part is used, is never computed.
 */

export class Part<X> {
  readonly #dispose: (x: X) => void;
  #compute: (() => X) | undefined;
  #sources: readonly Part<X>[];
  #value: X | undefined;
  #uses = 0;

  /** @param compute makes a new ciphertext from those of `sources`, which are kept until then */
  constructor(dispose: (x: X) => void, sources: readonly Part<X>[], compute: () => X) {
    this.#dispose = dispose;
    this.#compute = compute;
    this.#sources = sources;
  }

  /** One that is there already. */
  static of<X>(x: X, dispose: (x: X) => void): Part<X> {
    const part = new Part(dispose, [], () => x);
    part.#settle();
    return part;
  }

  get value(): X {
    this.#settle();
    return this.#value as X;
  }

  #settle(): void {
    if (this.#compute === undefined) return;
    this.#value = this.#compute();
    this.#compute = undefined;
    this.#letGo();
  }

  /** The first use keeps the sources. */
  retain(): void {
    if (this.#uses++ === 0) for (const source of this.#sources) source.retain();
  }

  /** The last use gone, the ciphertext is freed. */
  release(): void {
    if (--this.#uses > 0) return;
    if (this.#compute === undefined) this.#dispose(this.#value as X);
    this.#compute = () => {
      throw new RangeError('this ciphertext was disposed');
    };
    this.#letGo();
  }

  #letGo(): void {
    const sources = this.#sources;
    this.#sources = [];
    for (const source of sources) source.release();
  }
}
