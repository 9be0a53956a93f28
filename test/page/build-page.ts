/** The page as tests see it: built by Vite once for these sources, with the real training worker or the fake one. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type InlineConfig, type Plugin } from 'vite';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CACHE = join(ROOT, 'node_modules/.cache/hermetic-page');

/** Folder with index.html. */
export async function buildPage(training: 'fake' | 'real'): Promise<string> {
  const folder = join(CACHE, `${training}-${sourceDigest()}`);
  if (existsSync(join(folder, 'index.html'))) return folder;
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
  forgetOthers(training);
  // Another test file may have been quicker.
  if (existsSync(folder)) rmSync(making, { recursive: true });
  else renameSync(making, folder);
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

function forgetOthers(training: string): void {
  if (!existsSync(CACHE)) return;
  const old = readdirSync(CACHE).filter((name) => name.startsWith(`${training}-`) && !/\.\d+$/.test(name));
  for (const name of old.slice(0, -1)) rmSync(join(CACHE, name), { recursive: true, force: true });
}
