/** The tests once more, with properties that draw cases which no run drew before. */
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';

const seed = process.env.PROPERTY_SEED ?? String(randomInt(2 ** 31));
console.log(`PROPERTY_SEED=${seed}`);
const files = process.argv.slice(2);
const { status } = spawnSync('npx', ['vitest', 'run', ...files], {
  stdio: 'inherit',
  env: { ...process.env, PROPERTY_SEED: seed },
});
console.log(`to draw the same cases again: PROPERTY_SEED=${seed} npm run test:fuzz`);
process.exitCode = status ?? 1;
