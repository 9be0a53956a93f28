/** kill -9 of the owner's service, as a real process, in the middle of refreshes and of an upload: nothing is lost or doubled. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newToken } from '../../src/client/token.ts';
import { memorySource } from '../../src/protocol/byte-source.ts';
import type { Accepted, AuditPage, Invitation, Me, ServedNetwork, Upload } from '../../src/protocol/service/types.ts';
import { tokenHash } from '../../src/server/service/tokens.ts';
import type { TrainerKeys } from '../../src/trainer/trainer-keys.ts';
import { readTrainerKeys } from '../../src/trainer/trainer-keys.ts';
import { silent } from '../fixtures/sealed-round.ts';
import {
  announcement,
  BATCH,
  csv,
  newFolder,
  OWNER_TOKEN,
  PASSPHRASE,
  refreshRequest,
  SET,
} from '../fixtures/service.ts';

const SCRIPT = fileURLToPath(new URL('../fixtures/service-process.mjs', import.meta.url));
const BUILT = fileURLToPath(new URL('../../dist/server/index.js', import.meta.url));
const KILLS = 4;

/** A service that dies now and then and is started again over the same folder. */
class Mortal {
  readonly #folder: string;
  #child: ChildProcess | undefined;
  #url: Promise<string> | undefined;
  deaths = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  start(): Promise<string> {
    const child = spawn(process.execPath, [SCRIPT, this.#folder, PASSPHRASE, OWNER_TOKEN]);
    this.#child = child;
    let said = '';
    this.#url = new Promise((resolve, reject) => {
      child.stdout.on('data', (text: Buffer) => {
        said += text.toString();
        if (said.includes('\n')) resolve(said.trim());
      });
      let complaint = '';
      child.stderr.on('data', (text: Buffer) => {
        complaint += text.toString();
      });
      child.once('exit', () => reject(new Error(complaint)));
    });
    return this.#url;
  }

  /** Without a warning, and again over what it left. */
  async killAndRestart(): Promise<void> {
    const child = this.#child!;
    const dead = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await dead;
    this.deaths++;
    await this.start();
  }

  async call(method: string, path: string, token?: string, body?: unknown): Promise<Response> {
    const isBytes = body instanceof Uint8Array;
    return fetch((await this.#url) + path, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        'content-type': isBytes ? 'application/octet-stream' : 'application/json',
      },
      ...(body !== undefined && { body: isBytes ? (body as Uint8Array<ArrayBuffer>) : JSON.stringify(body) }),
    });
  }

  /** As a client that does not give up: again where nobody answers. */
  async persist(method: string, path: string, token?: string, body?: unknown): Promise<Buffer> {
    for (;;) {
      try {
        const response = await this.call(method, path, token, body);
        const bytes = Buffer.from(await response.arrayBuffer());
        if (response.status === 200) return bytes;
        if (response.status < 500) throw Object.assign(new Error(bytes.toString()), { status: response.status });
      } catch (error) {
        if (error instanceof Error && 'status' in error) throw error;
      }
      await wait(20);
    }
  }

  async json<T>(method: string, path: string, token?: string, body?: unknown): Promise<T> {
    return JSON.parse((await this.persist(method, path, token, body)).toString()) as T;
  }

  async end(): Promise<void> {
    this.#url?.catch(() => {});
    this.#child?.removeAllListeners('exit');
    this.#child?.kill('SIGKILL');
  }
}

let folder: string;
let mortal: Mortal;
let token: string;
let keys: TrainerKeys;
beforeAll(async () => {
  if (!existsSync(BUILT)) throw new Error('dist/ is missing: run `npm run build` first');
  folder = await newFolder();
  mortal = new Mortal(folder);
  await mortal.start();
  const wish = { name: 'net', layers: '1:lin4', sampleCsv: csv(), label: 'y', set: SET, batch: BATCH };
  const { id: networkId } = await mortal.json<ServedNetwork>('POST', '/v1/networks', OWNER_TOKEN, wish);
  const { code } = await mortal.json<Invitation>('POST', '/v1/invitations', OWNER_TOKEN, { name: 'alice', networkId });
  token = newToken();
  await mortal.json<Accepted>('POST', '/v1/invitations/accept', undefined, { code, tokenHash: tokenHash(token) });
  keys = await readTrainerKeys(memorySource(await mortal.persist('GET', '/v1/me/keys', token)), {
    ...silent,
    threads: 1,
  });
}, 120_000);
afterAll(async () => {
  keys?.dispose();
  await mortal?.end();
  await rm(folder, { recursive: true, force: true });
});

describe('kill -9 of the service', () => {
  it('during refreshes leaves each answered exactly once', { timeout: 180_000 }, async () => {
    const answers = new Map<string, { request: Uint8Array; answer: Buffer }>();
    let working = true;
    const work = async (run: string): Promise<void> => {
      for (let i = 0; working || i < 3; i++) {
        const request = await refreshRequest(keys, `call${i}`, { run });
        answers.set(`${run}${i}`, { request, answer: await mortal.persist('POST', '/v1/refresh', token, request) });
      }
    };
    const workers = ['one', 'two'].map(work);
    for (let i = 0; i < KILLS; i++) {
      // At another point of the work each time.
      const reached = answers.size + 3;
      await expect.poll(() => answers.size, { timeout: 60_000, interval: 5 }).toBeGreaterThanOrEqual(reached);
      await wait(7 * i);
      await mortal.killAndRestart();
    }
    working = false;
    await Promise.all(workers);
    expect(mortal.deaths).toBe(KILLS);
    const used = (await mortal.json<Me>('GET', '/v1/me', token)).party.refreshes.used;
    expect(used).toBe(answers.size);
    expect(new Set([...answers.values()].map(({ answer }) => answer.toString('base64'))).size).toBe(answers.size);
    for (const { request, answer } of [...answers.values()].slice(-90)) {
      expect((await mortal.persist('POST', '/v1/refresh', token, request)).equals(answer)).toBe(true);
    }
    expect((await mortal.json<Me>('GET', '/v1/me', token)).party.refreshes.used).toBe(used);
    const { entries, intact } = await mortal.json<AuditPage>('GET', '/v1/audit?limit=1000', OWNER_TOKEN);
    const calls = entries
      .filter(({ action }) => action === 'refresh')
      .map(({ details }) => `${details.run}${details.call}`);
    expect([intact, calls.length, new Set(calls).size]).toEqual([true, used, used]);
  });

  it('during an upload lets it go on from where the disk got to', { timeout: 120_000 }, async () => {
    const bytes = new Uint8Array(3_000_000).map((_, i) => (i * 2654435761) >>> 24);
    const PART = 250_000;
    const begun = await mortal.json<Upload>('POST', '/v1/uploads', token, announcement('predictions', bytes));
    const path = `/v1/uploads/${begun.id}`;
    const resumedAt: number[] = [];
    for (let state = begun; state.state === 'open'; ) {
      const part = bytes.slice(state.received, state.received + PART);
      const sending = mortal.call('PATCH', `${path}?offset=${state.received}`, token, part).catch(() => undefined);
      if (state.received >= PART * 3 * (resumedAt.length + 1) && resumedAt.length < 2) {
        await mortal.killAndRestart();
        await sending;
        state = await mortal.json<Upload>('GET', path, token);
        resumedAt.push(state.received);
        continue;
      }
      await sending;
      state = await mortal.json<Upload>('GET', path, token);
    }
    expect(resumedAt).toHaveLength(2);
    expect(resumedAt.every((received) => received >= 3 * PART)).toBe(true);
    expect(await mortal.json<Upload>('GET', path, token)).toMatchObject({ state: 'complete', received: bytes.length });
  });
});
