/** ChaCha20 by the book (RFC 8439), its words in the order in which assembly/random.ts emits them. */

function quarterRound(x: Uint32Array, a: number, b: number, c: number, d: number): void {
  const step = (i: number, j: number, k: number, bits: number): void => {
    x[i] = (x[i] as number) + (x[j] as number);
    const t = (x[k] as number) ^ (x[i] as number);
    x[k] = (t << bits) | (t >>> (32 - bits));
  };
  step(a, b, d, 16);
  step(c, d, b, 12);
  step(a, b, d, 8);
  step(c, d, b, 7);
}

/** One block of 16 words (RFC 8439, section 2.3). */
export function chachaBlock(key: Uint32Array, nonce: Uint32Array, counter: number): Uint32Array {
  const start = Uint32Array.of(0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, ...key, counter, ...nonce);
  const x = start.slice();
  for (let round = 0; round < 10; round++) {
    for (let i = 0; i < 4; i++) quarterRound(x, i, 4 + i, 8 + i, 12 + i);
    for (let i = 0; i < 4; i++) quarterRound(x, i, 4 + ((i + 1) % 4), 8 + ((i + 2) % 4), 12 + ((i + 3) % 4));
  }
  for (let i = 0; i < 16; i++) x[i] = (x[i] as number) + (start[i] as number);
  return x;
}

/** Word w of blocks c, c+1, c+2, c+3 in turn, for c = 0, 4, 8, …: four blocks side by side. */
export function* chachaWords(key: Uint32Array, nonce: Uint32Array): Generator<number> {
  for (let counter = 0; ; counter += 4) {
    const blocks = [0, 1, 2, 3].map((i) => chachaBlock(key, nonce, counter + i));
    for (let w = 0; w < 16; w++) for (const block of blocks) yield block[w] as number;
  }
}
