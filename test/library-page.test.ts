import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const read = (path: string): string => readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), 'utf8');
const page = read('docs/library.md');

it('the page of the library shows the program that is run as an example', () => {
  const [, shown] = /```js\n(.*?)```/s.exec(page) ?? [];
  expect(shown).toBe(read('examples/library.mjs'));
});

it('the page of the library names every door, and nothing that is not behind it', async () => {
  const { exports } = JSON.parse(read('package.json')) as { exports: Record<string, { default: string } | string> };
  const doors = Object.entries(exports).filter(([, to]) => typeof to !== 'string');
  const rows = new Map(
    [...page.matchAll(/^\| `(hermetic[a-z/]*)` \|.*\|(.*)\|$/gm)].map(([, door, names]) => [door, names]),
  );
  expect([...rows.keys()].sort()).toEqual(doors.map(([door]) => door.replace('.', 'hermetic')).sort());
  for (const [door, to] of doors) {
    const source = (to as { default: string }).default.replace('./dist/', '../src/').replace('.js', '.ts');
    const behind = (await import(source)) as Record<string, unknown>;
    const named = rows.get(door.replace('.', 'hermetic')) ?? '';
    for (const [, name] of named.matchAll(/`(\w+)`/g)) expect(Object.keys(behind), door).toContain(name);
  }
});
