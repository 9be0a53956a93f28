/** `hermetic serve`: the owner's service with its page, or blinded refreshes alone, while trainers work. */

import { realpath } from 'node:fs/promises';
import { buildCommand, type Command } from '@stricli/core';
import { HermeticError } from '../../base/errors.ts';
import type { RefreshEvent } from '../../owner/refresh-service.ts';
import { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import { type OutputFlags, outputFlags, passphraseFlag, type ThreadFlags, threadFlags } from '../flags.ts';
import { formatCount } from '../format.ts';
import { requireFreePort } from '../free-port.ts';
import { integer, text } from '../parsers.ts';

interface Flags extends ThreadFlags, OutputFlags {
  readonly key: string | undefined;
  readonly store: string | undefined;
  readonly database: string | undefined;
  readonly passphraseFile: string | undefined;
  readonly port: number;
  readonly host: string;
  readonly publicUrl: string | undefined;
  readonly tokenFile: string | undefined;
  readonly newToken: boolean;
  readonly loadedKeys: number | undefined;
  readonly uploadQuota: number | undefined;
  readonly budget: number | undefined;
}

const optional = { kind: 'parsed', parse: text, optional: true } as const;

export const serve: Command<HermeticContext> = buildCommand<Flags, [], HermeticContext>({
  docs: {
    brief: "Run the owner's service with its page; or answer blinded refreshes alone",
    fullDescription: [
      'With --store: networks, trainers, gates, unlocks, an audit log and a page, in a folder that is made where it is',
      'missing. The first start makes the token of its owner: into --token-file, or shown once. Put TLS in front before',
      'others reach it (docs/operators.md). Ctrl-C ends it.',
      '',
      '  hermetic serve --store owner --passphrase-file pw --token-file owner.token',
      '',
      'With --key: blinded refreshes of one key and no more. It takes masked ciphertexts and gives fresh ones: nothing is',
      'decoded, and no weight is seen. Where the token file is missing it is made; give a copy to the trainer. The budget',
      'is counted in memory and begins anew with each start: --store keeps it.',
      '',
      '  hermetic serve --key keys/owner.key --passphrase-file pw --port 7700 --token-file token',
    ].join('\n'),
  },
  parameters: {
    flags: {
      store: { ...optional, brief: 'Folder of the service: files, secret keys, database', placeholder: 'FOLDER' },
      key: { ...optional, brief: "The owner's key, to answer refreshes alone", placeholder: 'owner.key' },
      ...passphraseFlag,
      port: {
        kind: 'parsed',
        parse: integer(0, 65535),
        brief: 'Port; 0 takes any',
        placeholder: 'PORT',
        default: '7700',
      },
      host: {
        kind: 'parsed',
        parse: text,
        brief: 'Address to listen at; by default only this machine is heard',
        placeholder: 'HOST',
        default: '127.0.0.1',
      },
      database: {
        ...optional,
        brief: 'With --store: a PostgreSQL database instead of the one in the folder',
        placeholder: 'postgres://…',
      },
      publicUrl: {
        ...optional,
        brief: 'With --store: the address that trainers reach, https://… of the proxy, for invitations',
        placeholder: 'URL',
      },
      tokenFile: {
        ...optional,
        brief: "With --store the owner's token, with --key the trainer's; made where it is missing",
        placeholder: 'FILE',
      },
      newToken: {
        kind: 'boolean',
        brief: 'With --store: make another token for the owner, in place of one that was lost',
        default: false,
        withNegated: false,
      },
      loadedKeys: {
        kind: 'parsed',
        parse: integer(1, 4096),
        brief: 'With --store: keys ready in memory at once, for as many trainers at a time (default: 64)',
        placeholder: 'KEYS',
        optional: true,
      },
      uploadQuota: {
        kind: 'parsed',
        parse: integer(1, 2 ** 30),
        brief: 'With --store: megabytes that the files of each trainer may take up (default: 4000)',
        placeholder: 'MB',
        optional: true,
      },
      budget: {
        kind: 'parsed',
        parse: integer(1, 2 ** 24),
        brief: 'With --key: refreshes to answer at most, from this start on (default: 1000)',
        placeholder: 'CALLS',
        optional: true,
      },
      ...threadFlags,
      ...outputFlags,
    },
  },
  func: runServe,
});

async function runServe(this: HermeticContext, flags: Flags): Promise<void> {
  const console = new Console(this.io, flags);
  requireOneForm(flags);
  await requireFreePort(flags.port, flags.host);
  if (flags.store === undefined) await serveRefreshes(console, flags);
  else await serveStore(console, flags, flags.store);
}

/** HermeticError BAD_ARGUMENT unless the options are those of one of the two forms. */
function requireOneForm({ key, store, database, publicUrl, newToken, loadedKeys, uploadQuota, budget }: Flags): void {
  if ((key === undefined) === (store === undefined)) {
    throw new HermeticError('BAD_ARGUMENT', 'it is not clear what to serve', {
      mend: 'Give --store FOLDER for the whole service, or --key owner.key for refreshes alone.',
    });
  }
  const others =
    key === undefined
      ? { '--budget': budget }
      : {
          '--database': database,
          '--public-url': publicUrl,
          '--new-token': newToken || undefined,
          '--loaded-keys': loadedKeys,
          '--upload-quota': uploadQuota,
        };
  const [strange] = Object.entries(others).find(([, value]) => value !== undefined) ?? [];
  if (strange === undefined) return;
  throw new HermeticError('BAD_ARGUMENT', `${strange} is of no use with ${key === undefined ? '--store' : '--key'}`, {
    mend: `Leave ${strange} out.`,
  });
}

async function serveStore(console: Console, flags: Flags, folder: string): Promise<void> {
  const { readPassphrase, warnIfShort } = await import('../passphrase.ts');
  const { isNewStore, requireStoreFolder, startService } = await import('../service/running-service.ts');
  const { database, port, host, publicUrl, threads, tokenFile, newToken, loadedKeys, uploadQuota } = flags;
  await requireStoreFolder(folder);
  const passphrase = await readPassphrase(console.io, {
    file: flags.passphraseFile,
    keyFile: folder,
    fresh: isNewStore(folder),
  });
  if (isNewStore(folder)) warnIfShort(console, passphrase);
  const running = await startService(console, {
    ...{ folder, database, passphrase, port, hostname: host, publicUrl, threads, tokenFile, newToken, loadedKeys },
    ...(uploadQuota !== undefined && { uploadBytes: uploadQuota * 1e6 }),
    onRefresh: (event) => console.note(`${event.party}: ${callLine(event)}`),
  });
  const { url, hasPage, ownerToken } = running;
  const shown = tokenFile === undefined ? ownerToken : undefined;
  if (!hasPage) console.note('the page is not built: npm run build makes it. The interface is there.');
  if (shown !== undefined) console.note("The owner's token is shown this once; keep it as you keep a key.");
  console.result(
    { url, port: running.port, store: folder, page: hasPage, ...(shown !== undefined && { token: shown }) },
    ({ bold }) =>
      `${bold(url)} ${hasPage ? 'is your service and its page' : 'is your service'}; Ctrl-C ends it` +
      `${shown === undefined ? '' : `\ntoken ${shown}`}`,
  );
  await untilStopped(console.io.signal);
  await running.close();
}

async function serveRefreshes(console: Console, flags: Flags): Promise<void> {
  const { withOwnerKeys } = await import('../key-files.ts');
  const { startRefreshServer } = await import('../refresh-server.ts');
  const { readOrMakeToken } = await import('../token-file.ts');
  const { refuseServiceKey } = await import('../../owner/node/service-keys.ts');
  const { key = '', tokenFile, passphraseFile, threads } = flags;
  if (tokenFile === undefined) {
    throw new HermeticError('BAD_ARGUMENT', 'the option --token-file is missing', {
      mend: 'Name a file: it is made where it is missing.',
    });
  }
  await refuseServiceKey(await realpath(key).catch(() => key));
  await withOwnerKeys(console, { key, passphraseFile, threads }, async (keys) => {
    const { token, made } = await readOrMakeToken(tokenFile);
    if (made) console.note(`made ${tokenFile}: give a copy to the trainer`);
    const server = await startRefreshServer(keys, {
      parties: [{ name: 'trainer', token }],
      port: flags.port,
      hostname: flags.host,
      budget: flags.budget ?? DEFAULT_BUDGET,
      onCall: (event) => console.note(callLine(event)),
    });
    const { url, port } = server;
    console.result(
      { url, port, keyId: keys.keyId },
      ({ bold }) => `${bold(url)} answers blinded refreshes; Ctrl-C ends it`,
    );
    await untilStopped(console.io.signal);
    await server.close();
    console.note(`answered ${formatCount(server.totals().calls)} refreshes`);
  });
}

const DEFAULT_BUDGET = 1000;

function callLine({ step, ciphertexts, repeated, callsLeft }: RefreshEvent): string {
  const again = repeated ? ' (again)' : '';
  return `step ${step}: ${ciphertexts} masked ciphertexts refreshed${again}, ${formatCount(callsLeft)} calls left`;
}

function untilStopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
