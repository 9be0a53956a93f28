import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

it('keeps Node out of what a browser loads', () => {
  const folder = new URL('./', import.meta.url);
  const sources = readdirSync(folder).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
  expect(sources).toContain('csv.ts');
  for (const name of sources) {
    const source = readFileSync(new URL(name, folder), 'utf8');
    expect(source, name).not.toMatch(/from '(node:|csv-parse\/sync)|\bBuffer\b\.|\bprocess\./);
    // Parts of Node may be named as types or loaded by a call, never imported at once.
    expect(source, name).not.toMatch(/^import (?!type)[^;]*from '\.\/node\//m);
  }
});
