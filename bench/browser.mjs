/**
 * Suite `browser`: a training step of 4000-8-1 on set L14, and the operations that it consists of, in Chromium and in Node
 * with the same number of threads, slice by slice in turn. Wall time: a browser does not tell its CPU time.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { availableParallelism, tmpdir } from 'node:os';
import { extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import Table from 'cli-table3';
import { dense, sequential } from 'hermetic';
import { createKeys, seal, writeTrainerKeys } from 'hermetic/owner';
import { memorySink, writeSealedModel } from 'hermetic/protocol';
import { chromium } from 'playwright-core';
import { build } from 'vite';
import { prepare } from './browser/work.mjs';

const CHROMIUM = '/usr/bin/chromium';
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
/** Share of Node's speed that a browser shall reach. */
const GOAL = 0.6;
const BATCH = 256;

const OPERATIONS = [
  { name: 'rotate', times: 20, rounds: 9 },
  { name: 'multiply', times: 10, rounds: 9, about: 'multiply + relinearise + rescale' },
  { name: 'step', times: 1, rounds: 3, about: `training step, 4000-8-1, batch ${BATCH}` },
];

/** @param {{ threads: number | undefined, quick: boolean }} options */
export async function* browser({ threads, quick }) {
  if (!existsSync(CHROMIUM)) throw new RangeError(`there is no ${CHROMIUM} on this machine`);
  const counts = threads === undefined ? [1, 2].filter((count) => count <= availableParallelism()) : [threads];
  const files = await makeFiles();
  const site = await openSite(files);
  try {
    for (const count of counts) yield* compareWith(count, files, site.page, quick);
  } finally {
    await site.close();
  }
}

async function* compareWith(threads, files, page, quick) {
  const node = await prepare({ ...files, threads, batch: BATCH });
  const inBrowser = await page.evaluate((argument) => globalThis.ask('prepare', argument), { threads, batch: BATCH });
  if (inBrowser !== threads) throw new Error(`the browser runs ${inBrowser} threads, not ${threads}`);
  const rivals = [
    (argument) => node.measure(argument.name, argument.times),
    (argument) => page.evaluate((argument) => globalThis.ask('measure', argument), argument),
  ];
  for (const { name, times, rounds, about = name } of OPERATIONS) {
    const [own, other] = await inTurn(rivals, { name, times }, quick ? Math.ceil(rounds / 3) : rounds);
    const ratio = Number((own.minimum / other.minimum).toPrecision(3));
    const round = (x) => Number(x.toPrecision(4));
    yield {
      ...{ schema: 1, name, about, set: 'L14', threads, nodeMs: round(own.median), nodeMinimumMs: round(own.minimum) },
      ...{ browserMs: round(other.median), browserMinimumMs: round(other.minimum), ratio, goal: GOAL },
    };
  }
  node.dispose();
}

/** Each warms up once, then they take turns, so that other loads on the machine meet both. */
async function inTurn(rivals, argument, rounds) {
  const times = rivals.map(() => []);
  for (const rival of rivals) await rival(argument);
  for (let round = 0; round < rounds; round++) {
    for (const [i, rival] of rivals.entries()) times[i].push(await rival(argument));
  }
  return times.map((all) => {
    const sorted = all.toSorted((a, b) => a - b);
    return { median: sorted[sorted.length >> 1], minimum: sorted[0] };
  });
}

async function makeFiles() {
  const owner = await createKeys({ set: 'L14' });
  const model = sequential([
    dense({ units: 8, activation: 'linear', inputShape: [4000] }),
    dense({ units: 1, activation: 'lin4' }),
  ]);
  model.build({ seed: 1 });
  const [keys, sealed] = [memorySink(), memorySink()];
  await writeTrainerKeys(keys, owner);
  await writeSealedModel(sealed, seal(model, owner, { batch: BATCH }), owner.parameters);
  owner.dispose();
  return { keys: keys.bytes(), model: sealed.bytes() };
}

/** The bench's page, cross-origin isolated, in a browser of its own. */
async function openSite(files) {
  const folder = await mkdtemp(join(tmpdir(), 'hermetic-bench-'));
  await build({
    configFile: here('../web/vite.config.ts'),
    root: here('./browser'),
    build: { outDir: folder, emptyOutDir: true },
    logLevel: 'warn',
  });
  const server = createServer(async (request, response) => {
    const path = resolve(folder, `.${request.url === '/' ? '/index.html' : request.url}`);
    const body = files[request.url.slice(1)] ?? (path.startsWith(folder) && (await readFile(path).catch(() => false)));
    const types = { '.html': 'text/html', '.js': 'text/javascript' };
    response.writeHead(body ? 200 : 404, {
      'content-type': types[extname(path)] ?? 'application/octet-stream',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
    });
    response.end(body || '');
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const args = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'];
  const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync'];
  const running = await chromium.launch({ executablePath: CHROMIUM, args: [...args, ...quiet] });
  const page = await running.newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  const close = async () => {
    await running.close();
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  };
  return { page, close };
}

/** @param {readonly any[]} results */
export function describe(results) {
  const head = ['operation', 'threads', 'Node ms', 'minimum', 'Chromium ms', 'minimum', 'of Node’s speed', 'goal'];
  const grid = new Table({ head, style: { head: [], border: [] } });
  for (const r of results) {
    const share = (x) => `${Math.round(100 * x)} %`;
    grid.push([
      r.about,
      r.threads,
      ...[r.nodeMs, r.nodeMinimumMs, r.browserMs, r.browserMinimumMs].map((ms) => ms.toFixed(ms < 10 ? 2 : 1)),
      share(r.ratio),
      share(r.goal),
    ]);
  }
  return `${grid.toString()}\nWall time, slices in turn; the ratio is that of the minima.\n`;
}
