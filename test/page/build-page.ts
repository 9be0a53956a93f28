/** The page as tests see it: built by Vite once for these sources, with the real training worker or the fake one. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type InlineConfig, type Plugin } from 'vite';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CACHE = join(ROOT, 'node_modules/.cache/hermetic-page');

/** Folder with index.html. */
export async function buildPage(training: 'fake' | 'real'): Promise<string> {
  const folder = join(CACHE, `${training}-${sourceDigest()}`);
  if (existsSync(join(folder, 'index.html'))) return inUse(folder);
  const { default: config } = (await import('../../web/vite.config.ts')) as { readonly default: InlineConfig };
  const making = `${folder}.${process.pid}`;
  // Vitest says 'test', and the compiler would build for development.
  process.env.NODE_ENV = 'production';
  await build({
    ...config,
    configFile: false,
    logLevel: 'error',
    plugins: [...(config.plugins ?? []), ...(training === 'fake' ? [fakeTraining()] : [])],
    build: { ...config.build, outDir: making, emptyOutDir: true },
  });
  forgetUnused();
  try {
    renameSync(making, folder);
  } catch (error) {
    // Another test file may have been quicker.
    if (!existsSync(join(folder, 'index.html'))) throw error;
    rmSync(making, { recursive: true });
  }
  return inUse(folder);
}

function inUse(folder: string): string {
  const now = new Date();
  utimesSync(folder, now, now);
  return folder;
}

function fakeTraining(): Plugin {
  return {
    name: 'fake-training',
    enforce: 'pre',
    resolveId: (source) =>
      source.endsWith('/training.ts') && !source.includes('worker') ? join(ROOT, 'test/page/fake-training.ts') : null,
  };
}

/** SHA-256 of all that the page is made of. */
function sourceDigest(): string {
  const hash = createHash('sha256');
  for (const folder of ['web', 'src', 'test/page']) {
    const names = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
    for (const name of names
      .filter((path) => /\.(ts|svelte|css|html|svg)$/.test(path) && !path.endsWith('.test.ts'))
      .sort()) {
      hash.update(`${folder}/${name}\n`).update(readFileSync(join(ROOT, folder, name)));
    }
  }
  return hash.digest('hex').slice(0, 16);
}

/** Builds that no test asked for since yesterday; those of other sources may be in use by other checkouts. */
function forgetUnused(): void {
  const yesterday = Date.now() - 86_400_000;
  for (const name of existsSync(CACHE) ? readdirSync(CACHE) : []) {
    const folder = join(CACHE, name);
    const changed = statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY;
    if (changed < yesterday) rmSync(folder, { recursive: true, force: true });
  }
}
