/** Random residues from streams of ChaCha20, word by word as the kernels take them. */
import { Operation } from '../operations.ts';
import { chachaWords } from './chacha.ts';
import type { TwinMemory, TwinOperation } from './memory.ts';

function stream(memory: TwinMemory, key: number, nonce: number): () => number {
  const words = chachaWords(memory.words(key, 8).slice(), memory.words(nonce, 3).slice());
  return () => words.next().value as number;
}

/** Of 28 bits, those below the bound. */
function uniform(memory: TwinMemory, [, out, count, key, nonce]: readonly number[], bound: number): void {
  const next = stream(memory, key, nonce);
  for (let done = 0; done < count; ) {
    const x = next() & 0x0fffffff;
    if (x < bound) memory.setWord(out, done++, x);
  }
}

const ternary: TwinOperation = (memory, [, out, count, key, nonce]) => {
  const next = stream(memory, key, nonce);
  for (let i = 0; i < count; i++) memory.setWord(out, i, Number((BigInt(next()) * 3n) >> 32n) - 1);
};

/** Ones of 21 bits less those of 21 others. */
const centredBinomial: TwinOperation = (memory, [, out, count, key, nonce]) => {
  const next = stream(memory, key, nonce);
  const ones = (): number => {
    let n = 0;
    for (let x = next() & 0x1fffff; x !== 0; x >>>= 1) n += x & 1;
    return n;
  };
  for (let i = 0; i < count; i++) memory.setWord(out, i, ones() - ones());
};

const O = Operation;

export const samplingOperations: readonly (readonly [number, TwinOperation])[] = [
  [O.uniformResidues, (memory, task) => uniform(memory, task, memory.prime(task[5]))],
  [O.uniformBelow, (memory, task) => uniform(memory, task, task[5])],
  [O.ternary, ternary],
  [O.centredBinomial, centredBinomial],
];
