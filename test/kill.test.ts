/** `hermetic train` under kill -9, as real processes of the built command line: no step is lost or done twice. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytesOf } from '../src/base/bytes.ts';
import { SeededRandom } from '../src/base/seeded-random.ts';
import { memorySource } from '../src/protocol/byte-source.ts';
import { readCheckpoint } from '../src/protocol/checkpoint.ts';
import { ciphertextParameters } from '../src/protocol/ckks-codec.ts';
import { parameterSet } from '../src/schemes/ckks/parameters.ts';

const CLI = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist', 'cli', 'main.js');
const STEPS = 8;

interface Variant {
  readonly refresh: 'none' | 'bootstrap';
  readonly set: string;
  readonly layers: string;
}

/** Small enough for a test: levels for eight steps of logistic regression; two steps of a network between refreshes. */
const VARIANTS: readonly Variant[] = [
  { refresh: 'none', set: 'insecure-11-20-3', layers: '1:lin4' },
  { refresh: 'bootstrap', set: 'insecure-b10-9-9', layers: '2:linear,1:lin4' },
];

let folder: string;
const run = (...args: string[]) => promisify(execFile)(process.execPath, [CLI, ...args], { cwd: folder });

function csv(): string {
  const random = new SeededRandom(1);
  const rows = Array.from({ length: 64 }, (_, i) => {
    const x = Array.from({ length: 6 }, () => random.normal() + (i % 2 === 0 ? 0.5 : -0.5));
    return [...x, i % 2 === 0 ? 'even' : 'odd'].join(',');
  });
  return `a,b,c,d,e,f,y\n${rows.join('\n')}\n`;
}

beforeAll(async () => {
  if (!existsSync(CLI)) throw new Error('dist/ is missing: run `npm run build` first');
  folder = await mkdtemp(join(tmpdir(), 'hermetic-kill-'));
  await writeFile(join(folder, 'data.csv'), csv());
  await writeFile(join(folder, 'pw'), 'correct horse battery staple', { mode: 0o600 });
  for (const { refresh, set, layers } of VARIANTS) {
    await run('keygen', '--set', set, '--passphrase-file', 'pw', '--out', refresh);
    const data = ['--data', 'data.csv', '--label', 'y'];
    await run('init', ...data, '--layers', layers, '--seed', '1', '--out', `${refresh}.safetensors`);
    const key = ['--key', `${refresh}/owner.key`, '--passphrase-file', 'pw'];
    await run('seal', `${refresh}.safetensors`, ...key, '--batch', '16', '--out', `${refresh}.sealed`);
  }
}, 300_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

function trainArguments({ refresh }: Variant, out: string, checkpoint: string): string[] {
  const data = ['--data', 'data.csv', '--label', 'y', '--batch', '16', '--steps', `${STEPS}`, '--learning-rate', '0.3'];
  const rest = ['--refresh', refresh, '--checkpoint', checkpoint, '--threads', '1', '--quiet', '--out', out];
  return ['train', `${refresh}.sealed`, '--keys', `${refresh}/trainer.keys`, ...data, ...rest];
}

function checkpoints(name: string): string[] {
  const path = join(folder, name);
  return existsSync(path) ? readdirSync(path).filter((file) => file.endsWith('.checkpoint')) : [];
}

const newest = (checkpoint: string): string => checkpoints(checkpoint).toSorted().at(-1) ?? '';
const stepOf = (file: string): number => Number(/\d+/.exec(file)?.[0] ?? 0);

/**
 * Starts a training and kills it once a checkpoint is there that was not before, unless it is the last one: from then on
 * the run is about to end. True when it ended by itself.
 */
async function trainUntilKilled(variant: Variant, out: string, checkpoint: string): Promise<boolean> {
  const before = newest(checkpoint);
  const child: ChildProcess = spawn(process.execPath, [CLI, ...trainArguments(variant, out, checkpoint)], {
    cwd: folder,
  });
  const watch = setInterval(() => {
    const now = newest(checkpoint);
    if (now > before && stepOf(now) < STEPS) child.kill('SIGKILL');
  }, 2);
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  clearInterval(watch);
  return code === 0;
}

/** Residues of the newest checkpoint: the weights before they leave, and are re-randomised. */
async function lastResidues({ set }: Variant, checkpoint: string): Promise<{ step: number; residues: Uint32Array[] }> {
  const source = memorySource(await readFile(join(folder, checkpoint, newest(checkpoint))));
  const parameters = ciphertextParameters(await parameterSet(set));
  const { step, records } = await readCheckpoint(source, { parametersFor: () => parameters, onWarning: () => {} });
  return { step, residues: records.flatMap(({ polynomials }) => [...polynomials]) };
}

describe.each(VARIANTS)('kill -9 in the middle of training, refresh: $refresh', (variant) => {
  const [whole, torn] = [`${variant.refresh}-whole`, `${variant.refresh}-torn`] as const;

  it('and the same command again ends bit for bit where an uninterrupted run ends', { timeout: 300_000 }, async () => {
    await run(...trainArguments(variant, `${whole}.sealed`, whole));
    let kills = 0;
    while (!(await trainUntilKilled(variant, `${torn}.sealed`, torn))) {
      kills++;
      // However late it was killed: where a model is, all steps are done.
      const isThere = existsSync(join(folder, `${torn}.sealed`));
      expect(isThere && stepOf(newest(torn)) < STEPS, 'a killed run leaves no model behind').toBe(false);
      expect(kills).toBeLessThanOrEqual(STEPS);
    }
    expect(kills).toBeGreaterThan(0);
    const [left, right] = [await lastResidues(variant, torn), await lastResidues(variant, whole)];
    expect([left.step, right.step]).toEqual([STEPS, STEPS]);
    expect(left.residues.length).toBe(right.residues.length);
    left.residues.forEach((words, i) => expect(Buffer.compare(bytesOf(words), bytesOf(right.residues[i]!))).toBe(0));
  });
});
