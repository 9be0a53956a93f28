// Builds the page into dist/web and checks what came out: no warning of the bundler, nothing of Node, no inline script or
// style, no address of another origin. [--out FOLDER]
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build, createLogger } from 'vite';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const { values } = parseArgs({ options: { out: { type: 'string' } } });
const out = resolve(values.out ?? join(root, 'dist/web'));

const problems = [];
const logger = createLogger('warn');
for (const level of ['warn', 'warnOnce', 'error']) logger[level] = (message) => problems.push(message);

try {
  await build({
    configFile: join(root, 'web/vite.config.ts'),
    build: { outDir: out, emptyOutDir: true },
    logLevel: 'warn',
    customLogger: logger,
  });
} catch (error) {
  process.stderr.write(`build-web: ${error.message}\n`);
  process.exit(1);
}

const files = (await readdir(out, { recursive: true, withFileTypes: true }))
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name));
let total = 0;
for (const file of files) {
  const bytes = await readFile(file);
  total += bytes.length;
  if (file.endsWith('.html')) checkHtml(file, bytes.toString());
  if (file.endsWith('.js') && /(?:from|import\()\s*["'`]node:/.test(bytes)) problems.push(`${file}: imports Node`);
  if (file.endsWith('.css') && /url\(\s*["']?(?:https?:)?\/\//.test(bytes))
    problems.push(`${file}: loads from elsewhere`);
}

/** What a policy of `script-src 'self'; style-src 'self'` would block. */
function checkHtml(file, html) {
  if (/<script(?![^>]*\ssrc=)/.test(html)) problems.push(`${file}: an inline script`);
  if (/<style|\sstyle=|\son[a-z]+=/.test(html)) problems.push(`${file}: an inline style or handler`);
  if (/(?:src|href)=["'](?:https?:)?\/\//.test(html)) problems.push(`${file}: loads from elsewhere`);
}

if (problems.length > 0) {
  process.stderr.write(`build-web: ${problems.join('\nbuild-web: ')}\n`);
  process.exit(1);
}
process.stderr.write(`web: ${files.length} files, ${(total / 1024).toFixed(0)} KiB\n`);
