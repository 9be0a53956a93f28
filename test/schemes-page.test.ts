/** `docs/schemes.md` leads to files, functions and commands: all of them are there. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { say } from '../src/cli/memory-io.ts';
import { SCHEMES } from '../src/schemes/traits.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = readFileSync(`${root}docs/schemes.md`, 'utf8');
const files = ['src', 'test'].flatMap((folder) =>
  readdirSync(root + folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map(({ parentPath, name }) => `${parentPath}/${name}`.slice(root.length)),
);
/** What stands between backticks. */
const spans = [...page.matchAll(/`([^`\n]+)`/g)].map(([, span]) => span);
const unique = (words: readonly string[]): string[] => [...new Set(words)];

describe('the page of the schemes', () => {
  it.each(unique(spans.filter((span) => /^[\w./-]+\.ts$/.test(span))))('names a file that is there: %s', (path) => {
    const found = files.filter((file) => (/^(src|test)\//.test(path) ? file === path : file.endsWith(`/${path}`)));
    expect(found).not.toEqual([]);
  });

  it.each(unique(spans.filter((span) => /^src\/.*\/$/.test(span))))('names a folder that is there: %s', (path) => {
    expect(files.some((file) => file.startsWith(path))).toBe(true);
  });

  it('names functions that are there', () => {
    const source = files
      .filter((file) => file.startsWith('src/schemes/vector/') && !file.endsWith('.test.ts'))
      .map((file) => readFileSync(root + file, 'utf8'))
      .join('\n');
    const names = unique(spans.filter((span) => /^[a-z]+(Matrix|Vector)$/.test(span)));
    expect(names.length).toBeGreaterThan(4);
    for (const name of names) expect(source).toContain(`export function ${name}(`);
  });

  it.each(
    unique(
      [...page.matchAll(/hermetic ((?:compare|rekey|seal|open|unlock)|(?:demo|break) [a-z-]+)/g)].map(
        ([, words]) => words,
      ),
    ),
  )('names a command that is there: hermetic %s', async (words) => {
    const { code, stdout } = await say([...words.split(' '), '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain(`hermetic ${words}`);
  });

  it('has a section, a formula and a status for every scheme', () => {
    for (const scheme of Object.keys(SCHEMES)) {
      const section = page.split(/^## /m).find((text) => text.startsWith(`${scheme}\n`));
      expect(section).toMatch(/^> .*[=→]/m);
      expect(section).toMatch(/\*\*Status: /);
      expect(section?.length).toBeGreaterThan(800);
    }
  });
});
