/** node bootstrap-run.mjs FOLDER THREADS ROUNDS: loads keys, bootstraps, prints one JSON object. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { restoreKeys } from '../dist/owner/owner-keys.js';
import { copyTo } from '../dist/schemes/ckks/ciphertext.js';
import { precisionBits } from '../dist/schemes/precision.js';
import { loadBootstrappingKeys, loadTrainerKeys } from '../dist/trainer/index.js';

/** Slots as training has them. */
const LOG_MAGNITUDE = 6;

const [folder, threadsText, rounds] = process.argv.slice(2);
const threads = Number(threadsText);
const keys = await loadTrainerKeys(join(folder, 'trainer.keys'), { threads: 1 });
const path = join(folder, 'bootstrapping.keys');
const bootstrapping = await loadBootstrappingKeys(path, keys, { threads });
const { parameters } = keys.context;
const secret = await readFile(join(folder, 'secret'));
const owner = await restoreKeys(parameters, keys.keyId, secret, 1);

const STAGES = ['slotsToCoeffs', 'modRaise', 'coeffsToSlots', 'evalMod'];

const magnitude = 2 ** LOG_MAGNITUDE;
const uniform = () => magnitude * (2 * Math.random() - 1);
const MESSAGES = {
  random: { re: uniform, im: uniform },
  constant: { re: () => magnitude, im: () => 0 },
  zero: { re: () => 0, im: () => 0 },
  plusMinusOne: { re: () => (Math.random() < 0.5 ? -magnitude : magnitude), im: () => 0 },
};

function message({ re, im }) {
  const length = bootstrapping.slots;
  return { re: Float64Array.from({ length }, re), im: Float64Array.from({ length }, im) };
}

const cpuSince = (before) => {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
};

function timed(input) {
  const [cpu, wall] = [process.cpuUsage(), performance.now()];
  const stages = {};
  let before = 0;
  const output = bootstrapping.bootstrap(input, (stage) => {
    const now = cpuSince(cpu);
    stages[stage] = now - before;
    before = now;
  });
  return { output, cpuSeconds: cpuSince(cpu), wallSeconds: (performance.now() - wall) / 1000, ...stages };
}

const times = [];
const bits = {};
let levelsLeft = 0;
for (let round = -1; round < Number(rounds); round++) {
  for (const [kind, distribution] of Object.entries(MESSAGES)) {
    const sealed = owner.scheme.encrypt(message(distribution), 0);
    const input = copyTo(keys.context.ring, sealed);
    const { output, ...time } = timed(input);
    // The first round warms up.
    if (round >= 0) times.push(time);
    const [before, after] = [owner.scheme.decrypt(sealed), owner.scheme.decrypt(copyTo(owner.context.ring, output))];
    const { rms } = precisionBits([...after.re, ...after.im], [...before.re, ...before.im]);
    bits[kind] = Math.min(bits[kind] ?? Number.POSITIVE_INFINITY, rms + LOG_MAGNITUDE);
    levelsLeft = output.level;
    for (const ciphertext of [sealed, input, output]) ciphertext.dispose();
    if (round < 0) break;
  }
}

const median = (name) => times.map((time) => time[name]).sort((a, b) => a - b)[times.length >> 1];
const round = (x, digits) => Number(x.toFixed(digits));
const wallSeconds = median('wallSeconds');
const cpuSeconds = median('cpuSeconds');
const result = {
  schema: 1,
  name: 'bootstrap',
  logN: parameters.logN,
  slots: bootstrapping.slots,
  threads,
  cpuSeconds: round(cpuSeconds, 3),
  wallSeconds: round(wallSeconds, 3),
  stageSeconds: Object.fromEntries(STAGES.map((stage) => [stage, round(median(stage), 3)])),
  levelsLeft,
  logMagnitude: LOG_MAGNITUDE,
  precisionBits: Object.fromEntries(Object.entries(bits).map(([kind, value]) => [kind, round(value, 2)])),
  peakBytes: 1024 * process.resourceUsage().maxRSS,
  keyBytes: (await stat(path)).size,
  secondsPerSlotLevel: (threads === 1 ? cpuSeconds : wallSeconds) / (bootstrapping.slots * levelsLeft),
};
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(0);
