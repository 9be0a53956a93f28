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
/** Small enough for a test, with levels for eight steps of logistic regression without a refresh. */
const SET = 'insecure-11-20-3';
const STEPS = 8;

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
  await run('keygen', '--set', SET, '--passphrase-file', 'pw', '--out', 'keys');
  await run(
    'init',
    '--data',
    'data.csv',
    '--label',
    'y',
    '--layers',
    '1:lin4',
    '--seed',
    '1',
    '--out',
    'm.safetensors',
  );
  const key = ['--key', 'keys/owner.key', '--passphrase-file', 'pw'];
  await run('seal', 'm.safetensors', ...key, '--batch', '16', '--out', 'm.sealed');
}, 60_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

function trainArguments(out: string, checkpoint: string): string[] {
  const data = ['--data', 'data.csv', '--label', 'y', '--batch', '16', '--steps', `${STEPS}`, '--learning-rate', '0.3'];
  const rest = ['--refresh', 'none', '--checkpoint', checkpoint, '--threads', '1', '--quiet', '--out', out];
  return ['train', 'm.sealed', '--keys', 'keys/trainer.keys', ...data, ...rest];
}

function checkpoints(name: string): string[] {
  const path = join(folder, name);
  return existsSync(path) ? readdirSync(path).filter((file) => file.endsWith('.checkpoint')) : [];
}

/** Starts a training and kills it once a checkpoint is there that was not before; true when it ended by itself. */
async function trainUntilKilled(out: string, checkpoint: string): Promise<boolean> {
  const before = checkpoints(checkpoint).toSorted().at(-1) ?? '';
  const child: ChildProcess = spawn(process.execPath, [CLI, ...trainArguments(out, checkpoint)], { cwd: folder });
  const watch = setInterval(() => {
    if ((checkpoints(checkpoint).toSorted().at(-1) ?? '') > before) child.kill('SIGKILL');
  }, 2);
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  clearInterval(watch);
  return code === 0;
}

/** Residues of the newest checkpoint: the weights before they leave, and are re-randomised. */
async function lastResidues(checkpoint: string): Promise<{ step: number; residues: Uint32Array[] }> {
  const newest = checkpoints(checkpoint).toSorted().at(-1) as string;
  const source = memorySource(await readFile(join(folder, checkpoint, newest)));
  const parameters = ciphertextParameters(await parameterSet(SET));
  const { step, records } = await readCheckpoint(source, { parametersFor: () => parameters, onWarning: () => {} });
  return { step, residues: records.flatMap(({ polynomials }) => [...polynomials]) };
}

describe('kill -9 in the middle of training', () => {
  it('and the same command again ends bit for bit where an uninterrupted run ends', { timeout: 120_000 }, async () => {
    await run(...trainArguments('whole.sealed', 'whole'));
    let kills = 0;
    while (!(await trainUntilKilled('torn.sealed', 'torn'))) {
      kills++;
      expect(existsSync(join(folder, 'torn.sealed')), 'a killed run leaves no model behind').toBe(false);
      expect(kills).toBeLessThanOrEqual(STEPS + 1);
    }
    expect(kills).toBeGreaterThan(0);
    const [torn, whole] = [await lastResidues('torn'), await lastResidues('whole')];
    expect([torn.step, whole.step]).toEqual([STEPS, STEPS]);
    expect(torn.residues.length).toBe(whole.residues.length);
    torn.residues.forEach((words, i) => expect(Buffer.compare(bytesOf(words), bytesOf(whole.residues[i]!))).toBe(0));
  });
});
