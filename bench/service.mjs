/**
 * Suite `service`: so many trainers at once ask the owner's service for refreshes over loopback HTTP. The service is a
 * process of its own, started as an owner starts it; the trainers are this process. A request is masked ciphertexts, which
 * are uniform residues: the trainers send just those, as many and as long as training sends, and need no keys.
 *
 * Under that load, and while one party is given a fresh key, a probe asks for the service's health again and again, and the
 * service measures how long its event loop stood still at most: what everyone else waits for.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { probeHealth } from './health-probe.mjs';

const PROBE = new URL('./event-loop-probe.mjs', import.meta.url).href;
const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const load = (path) => import(new URL(`../dist/${path}`, import.meta.url).href);

/**
 * @param {{ trainers: number, calls: number, ciphertexts: number, set: string, threads: number | undefined,
 *   loadedKeys: number | undefined, note: (line: string) => void }} options calls: of each trainer, one after the other;
 *   loadedKeys: those that the service has ready in memory
 */
export async function serviceBench({ trainers, calls, ciphertexts, set, threads, loadedKeys, note }) {
  const folder = await mkdtemp(join(tmpdir(), 'hermetic-bench-service-'));
  const service = await startService(folder, { threads, 'loaded-keys': loadedKeys });
  try {
    const { ServiceClient } = await load('client/index.js');
    const { parameterSet } = await load('schemes/ckks/parameters.js');
    const token = (await readFile(join(folder, 'token'), 'utf8')).trim();
    const owner = new ServiceClient({ url: service.url, token });
    const network = await owner.createNetwork({
      name: 'bench',
      layers: '1:lin4',
      sampleCsv: 'x,y\n0,a\n1,b\n',
      label: 'y',
      batch: 32,
      set,
    });
    const invited = [];
    const parties = [];
    for (let i = 0; i < trainers; i++) {
      const began = performance.now();
      const invitation = await owner.invite({
        name: `trainer ${i}`,
        networkId: network.id,
        refreshBudget: 2 * calls + 1000,
      });
      invited.push(performance.now() - began);
      const accepted = await owner.acceptInvitation({ code: invitation.code });
      parties.push({ client: owner.withToken(accepted.token), keyId: accepted.party.keyId, id: accepted.party.id });
      if ((i + 1) % 10 === 0) note(`${i + 1} of ${trainers} trainers have joined`);
    }
    const { ciphertextParameters } = await load('protocol/ckks-codec.js');
    const parameters = ciphertextParameters(await parameterSet(set));
    // One each to begin with: every key has its engine made, or made room for, once.
    await Promise.all(parties.map((party) => refreshes(party, parameters, ciphertexts, 1)));
    const before = await owner.overview();
    const began = performance.now();
    const loaded = await watched(service, () =>
      Promise.all(parties.map((party) => refreshes(party, parameters, ciphertexts, calls))),
    );
    const measured = loaded.result;
    const seconds = (performance.now() - began) / 1000;
    const after = await owner.overview();
    const { intact } = await owner.audit({ limit: 1 });
    const total = trainers * calls;
    const counted = used(after) - used(before);
    if (counted !== total) throw new Error(`the service counted ${counted} refreshes of ${total}`);
    const rekeyed = await watched(service, () => refreshesBesideRekey(owner, parties, parameters, ciphertexts));
    const latencies = measured.flatMap((one) => one.latencies);
    const [{ requestBytes, responseBytes }] = measured;
    return {
      suite: 'service',
      set,
      trainers,
      callsEach: calls,
      loadedKeys: loadedKeys ?? null,
      ciphertexts,
      requestBytes,
      responseBytes,
      seconds,
      callsPerSecond: total / seconds,
      ciphertextsPerSecond: (total * ciphertexts) / seconds,
      latencyMs: summary(latencies),
      inviteMs: summary(invited),
      healthMs: summary(loaded.healthMs),
      longestStallMs: loaded.longestStallMs,
      cpuMsEach: loaded.cpuMs / total,
      rekey: {
        seconds: rekeyed.result.seconds,
        latencyMs: summary(rekeyed.result.latencies),
        healthMs: summary(rekeyed.healthMs),
        longestStallMs: rekeyed.longestStallMs,
        cpuMs: rekeyed.cpuMs,
      },
      retries: measured.reduce((sum, one) => sum + one.retries, 0),
      auditIntact: intact,
      serviceBytes: after.storage.bytes,
      machine: { cpu: cpus()[0]?.model.trim(), cores: availableParallelism(), node: process.versions.node },
    };
  } finally {
    await service.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

const used = ({ parties }) => parties.reduce((sum, { refreshes }) => sum + refreshes.used, 0);

/** @param {number[]} values */
function summary(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const percentile = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  const [p50, p90, p95, p99] = [0.5, 0.9, 0.95, 0.99].map(percentile);
  return { p50, p90, p95, p99, max: sorted[sorted.length - 1] };
}

/** What `work` gives, what a cheap request took meanwhile, and how long the service's event loop stood still. */
async function watched(service, work) {
  await service.probe('reset');
  const probe = probeHealth(service.url);
  const result = await work();
  const healthMs = await probe.stop();
  return { result, healthMs, ...(await service.probe('read')) };
}

/** One party is given a fresh key while another, which does not care, goes on training. */
async function refreshesBesideRekey(owner, [first, second = first], parameters, ciphertexts) {
  const began = performance.now();
  let done = false;
  const rekey = owner.rekey(first.id).finally(() => {
    done = true;
  });
  const latencies = [];
  while (!done) latencies.push(...(await refreshes(second, parameters, ciphertexts, 1)).latencies);
  await rekey;
  return { seconds: (performance.now() - began) / 1000, latencies };
}

/** `hermetic serve --store`, as a process, on any free port. */
async function startService(folder, options) {
  await writeFile(join(folder, 'pw'), randomBytes(24).toString('hex'), { mode: 0o600 });
  const words = ['serve', '--store', join(folder, 'store'), '--passphrase-file', join(folder, 'pw'), '--port', '0'];
  const more = ['--token-file', join(folder, 'token'), '--json', '--quiet'];
  const given = Object.entries(options).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, `${value}`],
  );
  const child = spawn(process.execPath, ['--import', PROBE, MAIN, ...words, ...more, ...given], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const line = await new Promise((resolve, reject) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (piece) => {
      text += piece;
      if (text.includes('\n')) resolve(text);
    });
    ended.then((code) => reject(new Error(`the service ended with code ${code}`)));
  });
  const stop = async () => {
    child.kill('SIGINT');
    await ended;
  };
  /** What happened since the last call. */
  const probe = (wish) => {
    const answer = wish === 'read' ? new Promise((resolve) => child.once('message', resolve)) : undefined;
    child.send(wish);
    return answer;
  };
  return { url: JSON.parse(line).url, stop, probe };
}

/** Calls one after the other, as a run makes them. */
async function refreshes({ client, keyId }, parameters, ciphertexts, calls) {
  const { memorySink } = await load('protocol/index.js');
  const { maxRefreshMessageBytes, writeRefreshRequest } = await load('protocol/index.js');
  const transport = client.refreshTransport();
  const level = parameters.limbsAtLevel.length - 1;
  const maxResponseBytes = maxRefreshMessageBytes(parameters, level, ciphertexts, 2);
  const run = randomBytes(16).toString('hex');
  const latencies = [];
  let retries = 0;
  let sizes = {};
  for (let step = 0; step < calls; step++) {
    const records = Array.from({ length: ciphertexts }, () => maskedRecord(parameters));
    const sink = memorySink();
    const call = randomBytes(16).toString('hex');
    await writeRefreshRequest(sink, { run, step, call, keyId, level, records }, parameters);
    const request = sink.bytes();
    const began = performance.now();
    const [response, again] = await persistently(() =>
      transport(request, { maxResponseBytes, signal: new AbortController().signal }),
    );
    latencies.push(performance.now() - began);
    retries += again;
    sizes = { requestBytes: request.length, responseBytes: response.length };
  }
  return { latencies, retries, ...sizes };
}

/** As `fit` does: a service that is busy is asked again. */
async function persistently(attempt) {
  for (let again = 0; ; again++) {
    try {
      return [await attempt(), again];
    } catch (error) {
      if (error.code !== 'REFRESH_FAILED' || again >= 4) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** again));
    }
  }
}

/** Uniform residues at level 0: what a masked ciphertext is. */
function maskedRecord({ description: { N }, primes, limbsAtLevel }) {
  const limbs = limbsAtLevel[0];
  const polynomial = () => {
    const residues = new Uint32Array(randomBytes(4 * limbs * N).buffer.slice(0, 4 * limbs * N));
    for (let limb = 0; limb < limbs; limb++) {
      for (let i = limb * N; i < (limb + 1) * N; i++) residues[i] %= primes[limb];
    }
    return residues;
  };
  return { level: 0, scale: 2 ** 40, limbs, polynomials: [polynomial(), polynomial()] };
}

/** @param {Awaited<ReturnType<typeof serviceBench>>} r */
export function describe(r) {
  const ms = (x) => `${x.toFixed(0)} ms`;
  const { p50, p90, p95, p99, max } = r.latencyMs;
  const cheap = ({ healthMs, longestStallMs }) =>
    `a cheap request p50 ${ms(healthMs.p50)}, p99 ${ms(healthMs.p99)}, max ${ms(healthMs.max)}; longest stall ${ms(longestStallMs)}`;
  return [
    `${r.trainers} trainers at once, ${r.callsEach} refreshes each of ${r.ciphertexts} ciphertexts, set ${r.set}:`,
    `  ${r.callsPerSecond.toFixed(1)} refreshes/s, ${r.ciphertextsPerSecond.toFixed(1)} ciphertexts/s; ${ms(r.cpuMsEach)} of processor time each`,
    `  latency p50 ${ms(p50)}, p90 ${ms(p90)}, p95 ${ms(p95)}, p99 ${ms(p99)}, max ${ms(max)}; ${r.retries} sent again`,
    `  meanwhile ${cheap(r)}`,
    `  ${(r.requestBytes / 1e6).toFixed(2)} MB to the service, ${(r.responseBytes / 1e6).toFixed(2)} MB back`,
    `  an invitation (key, sealing) ${ms(r.inviteMs.p50)}, at most ${ms(r.inviteMs.max)}`,
    `a fresh key for one of them, while another trains: ${r.rekey.seconds.toFixed(1)} s`,
    `  its refreshes p50 ${ms(r.rekey.latencyMs.p50)}, max ${ms(r.rekey.latencyMs.max)}`,
    `  meanwhile ${cheap(r.rekey)}`,
    `audit log ${r.auditIntact ? 'intact' : 'BROKEN'}; ${r.machine.cores} cores for service and trainers, Node ${r.machine.node}`,
    '',
  ].join('\n');
}
