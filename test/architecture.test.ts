/** The floors, the wall around secret keys, and the public doors, proved from the imports of every source file. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');

/**
 * The floors, lowest first. A file imports from its own room and from the floors below its own, never up; rooms that
 * share a floor do not know each other. `serve` is a command, so the command line stands above the server.
 */
const FLOORS: readonly (readonly string[])[] = [
  ['base'],
  ['kernels'],
  ['ring'],
  ['rlwe'],
  ['schemes'],
  ['circuits'],
  ['tensor'],
  ['nn'],
  ['data'],
  ['protocol'],
  ['owner', 'trainer', 'client', 'attacks'],
  ['cluster'],
  ['server'],
  ['cli'],
];

/** Rooms whose every part runs in a browser; a part of theirs that needs Node lives in a folder `node/`. */
const ISOMORPHIC = [
  'base',
  'ring',
  'rlwe',
  'schemes',
  'circuits',
  'tensor',
  'nn',
  'data',
  'protocol',
  'owner',
  'trainer',
  'client',
  'cluster',
  'attacks',
];

/** Files outside `node/` folders that may import `node:` modules, and why. */
const NODE_EXCEPTIONS: Readonly<Record<string, string>> = {};

/** Files outside `secret/`, `owner/` and the top floors that may name a secret key's module, and why. */
const WALL_EXCEPTIONS: Readonly<Record<string, string>> = {
  'schemes/ckks/index.ts':
    'the door `hermetic/ckks`, for those who hold their own key; no file of the package imports it',
};

interface SourceFile {
  /** Path below `src/`, with slashes. */
  readonly path: string;
  /** What it imports, types included: paths below `src/` of the package's own, specifiers as they stand of others. */
  readonly own: readonly string[];
  readonly foreign: readonly string[];
  /** Those of its own that are loaded with it. */
  readonly loaded: readonly string[];
  readonly text: string;
}

function readSources(): SourceFile[] {
  const paths = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'));
  return paths.toSorted().map((path) => {
    const text = readFileSync(join(ROOT, 'src', path), 'utf8');
    const imports = importsOf(text);
    const isOwn = ({ specifier }: Import) => specifier.startsWith('.');
    const resolve = ({ specifier }: Import) => posix.normalize(posix.join(posix.dirname(path), specifier));
    return {
      path,
      own: imports.filter(isOwn).map(resolve),
      foreign: imports.filter((entry) => !isOwn(entry)).map(({ specifier }) => specifier),
      loaded: imports.filter((entry) => isOwn(entry) && entry.kind === 'value').map(resolve),
      text,
    };
  });
}

/** How a module is named: 'value' loads it with the file, 'type' and 'dynamic' do not. */
type ImportKind = 'value' | 'type' | 'dynamic';

interface Import {
  readonly kind: ImportKind;
  readonly specifier: string;
}

/** Every module that a source names: static, dynamic and type imports, re-exports, and `import('…')` types. */
function importsOf(text: string): Import[] {
  const file = ts.createSourceFile('source.ts', text, ts.ScriptTarget.Latest, false);
  const found: Import[] = [];
  const note = (kind: ImportKind, node: ts.Node | undefined) => {
    const specifier = node !== undefined && ts.isStringLiteralLike(node) ? node.text : '(computed)';
    found.push({ kind, specifier });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      note(node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword ? 'type' : 'value', node.moduleSpecifier);
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
      note(node.isTypeOnly ? 'type' : 'value', node.moduleSpecifier);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      note('type', node.argument.literal);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      note('dynamic', node.arguments[0]);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

const sources = readSources();
const byPath = new Map(sources.map((source) => [source.path, source]));

function roomOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : '';
}

function floorOf(path: string): number {
  return FLOORS.findIndex((rooms) => rooms.includes(roomOf(path)));
}

/** The schemes share a room but do not know each other: `schemes/ckks` for a file in it. */
function schemeOf(path: string): string | undefined {
  return /^schemes\/([^/]+)\//.exec(path)?.[1];
}

function breaksFloors(from: string, to: string): boolean {
  if (roomOf(from) === '') return false;
  if (roomOf(from) !== roomOf(to)) return roomOf(to) === '' || floorOf(to) >= floorOf(from);
  const scheme = schemeOf(to);
  return scheme !== undefined && scheme !== schemeOf(from);
}

function isSecret(path: string): boolean {
  return path.includes('/secret/') || path.startsWith('owner/');
}

/** Everything that files accepted by `start` import, directly or not, and themselves. */
function reachableFrom(start: (path: string) => boolean): Map<string, string> {
  const cameFrom = new Map<string, string>();
  const queue = sources.filter(({ path }) => start(path)).map(({ path }) => path);
  for (const path of queue) cameFrom.set(path, path);
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    for (const next of byPath.get(path)?.own ?? []) {
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, path);
      queue.push(next);
    }
  }
  return cameFrom;
}

/** A way of loading back to `start`, where there is one. */
function circleThrough(start: string): string | undefined {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    for (const next of byPath.get(path)?.loaded ?? []) {
      if (next === start) return wayTo(path, cameFrom);
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, path);
      queue.push(next);
    }
  }
  return undefined;
}

function wayTo(path: string, cameFrom: ReadonlyMap<string, string>): string {
  const way = [path];
  for (let from = cameFrom.get(path); from !== undefined; from = cameFrom.get(from)) way.unshift(from);
  return way.join(' → ');
}

/** The folders in which two files part ways, below the last that they share; undefined where one lies above the other. */
function partOfWays(from: string, to: string): [string, string] | undefined {
  const [a, b] = [from, to].map((path) => path.split('/').slice(0, -1));
  const depth = a.findIndex((name, i) => name !== b[i]);
  if (depth < 0 || depth >= b.length) return undefined;
  return [a.slice(0, depth + 1).join('/'), b.slice(0, depth + 1).join('/')];
}

/** Folders side by side of which each is imported, directly or not, by what it imports. */
function circlesOfFolders(): string[] {
  const imports = new Map<string, Set<string>>();
  for (const { from, to } of edges()) {
    const [folder, other] = partOfWays(from, to) ?? [];
    if (folder === undefined || other === undefined) continue;
    imports.set(folder, (imports.get(folder) ?? new Set()).add(other));
  }
  const leadsTo = (start: string): Set<string> => {
    const reached = new Set<string>();
    const queue = [start];
    for (let folder = queue.pop(); folder !== undefined; folder = queue.pop()) {
      for (const next of imports.get(folder) ?? []) {
        if (reached.has(next)) continue;
        reached.add(next);
        queue.push(next);
      }
    }
    return reached;
  };
  return [...imports.keys()].filter((folder) => leadsTo(folder).has(folder));
}

function edges(): { from: string; to: string }[] {
  return sources.flatMap(({ path, own }) => own.map((to) => ({ from: path, to })));
}

describe('the parser of imports', () => {
  it('sees every way of naming a module', () => {
    const text = `
      import a from './a.ts';
      import type { B } from './b.ts';
      import { type C } from './c.ts';
      import './d.ts';
      export { e } from './e.ts';
      export type * from './f.ts';
      const g = () => import('./g.ts');
      type H = import('./h.ts').H;
      const comment = "import './no.ts'"; // import './no.ts'
    `;
    const found = importsOf(text);
    expect(found.map(({ specifier }) => specifier.slice(2, 3))).toEqual([...'abcdefgh']);
    const kinds = ['value', 'type', 'value', 'value', 'value', 'type', 'dynamic', 'type'];
    expect(found.map(({ kind }) => kind)).toEqual(kinds);
  });

  it('finds sources, and each import of theirs is a file', () => {
    expect(sources.length).toBeGreaterThan(50);
    expect(edges().filter(({ to }) => !byPath.has(to) && !to.endsWith('.generated.ts'))).toEqual([]);
  });
});

describe('floors', () => {
  it('hold every file', () => {
    expect(sources.filter(({ path }) => roomOf(path) !== '' && floorOf(path) < 0).map(({ path }) => path)).toEqual([]);
    expect(sources.filter(({ path }) => roomOf(path) === '').map(({ path }) => path)).toEqual(['index.ts']);
  });

  it('are climbed by no import, and no room looks sideways', () => {
    expect(edges().filter(({ from, to }) => breaksFloors(from, to))).toEqual([]);
  });

  it('have no circle of files that load one another', () => {
    expect(sources.map(({ path }) => circleThrough(path)).filter((circle) => circle !== undefined)).toEqual([]);
  });

  it('have no circle of folders that import one another', () => {
    expect(partOfWays('cli/demo/imdb/x.ts', 'cli/service/y.ts')).toEqual(['cli/demo', 'cli/service']);
    expect(partOfWays('cli/demo/x.ts', 'cli/y.ts')).toBeUndefined();
    expect(circlesOfFolders()).toEqual([]);
  });

  it('would be found broken', () => {
    expect(breaksFloors('base/x.ts', 'nn/y.ts')).toBe(true);
    expect(breaksFloors('trainer/x.ts', 'owner/y.ts')).toBe(true);
    expect(breaksFloors('schemes/ckks/x.ts', 'schemes/clear/y.ts')).toBe(true);
    expect(breaksFloors('schemes/scheme.ts', 'schemes/clear/y.ts')).toBe(true);
    expect(breaksFloors('nn/x.ts', 'index.ts')).toBe(true);
    expect(breaksFloors('nn/sealed/x.ts', 'nn/y.ts')).toBe(false);
    expect(breaksFloors('schemes/ckks/x.ts', 'schemes/scheme.ts')).toBe(false);
    expect(breaksFloors('cli/x.ts', 'owner/y.ts')).toBe(false);
  });
});

describe('the wall around secret keys', () => {
  it('stands between everything that a trainer can reach and every secret', () => {
    const reachable = reachableFrom((path) => path.startsWith('trainer/'));
    const leaks = [...reachable].filter(([path]) => isSecret(path)).map(([path, from]) => `${from} → ${path}`);
    expect(leaks).toEqual([]);
    expect(reachable.size).toBeGreaterThan(20);
  });

  it('stands between the client of the service and every secret', () => {
    const reachable = [...reachableFrom((path) => path.startsWith('client/')).keys()];
    expect(reachable.filter(isSecret)).toEqual([]);
    expect(reachable.length).toBeGreaterThan(10);
  });

  it('stands between the machines of a cluster and every secret', () => {
    const reachable = [...reachableFrom((path) => path.startsWith('cluster/')).keys()];
    expect(reachable.filter(isSecret)).toEqual([]);
    expect(reachable.length).toBeGreaterThan(10);
  });

  it('stands between every attack and every secret: what they find, they find from what is public', () => {
    const reachable = [...reachableFrom((path) => path.startsWith('attacks/')).keys()];
    expect(reachable.filter(isSecret)).toEqual([]);
    expect(reachable.length).toBeGreaterThan(5);
  });

  it('stands before the door of the whole package', () => {
    const reachable = [...reachableFrom((path) => path === 'index.ts').keys()];
    expect(reachable.filter(isSecret)).toEqual([]);
  });

  it('is passed only by secret rooms, the owner, and the floors above', () => {
    const mayPass = (path: string) => isSecret(path) || path.startsWith('server/') || path.startsWith('cli/');
    const passes = edges().filter(({ from, to }) => isSecret(to) && !mayPass(from) && !(from in WALL_EXCEPTIONS));
    expect(passes).toEqual([]);
  });
});

describe('files for browsers', () => {
  const inNodeFolder = (path: string) => path.includes('/node/');
  const isIsomorphic = (path: string) => roomOf(path) === '' || ISOMORPHIC.includes(roomOf(path));

  it('import nothing of Node outside node/ folders', () => {
    const offenders = sources
      .filter(({ path }) => isIsomorphic(path) && !inNodeFolder(path) && !(path in NODE_EXCEPTIONS))
      .filter(({ foreign }) => foreign.some((specifier) => specifier.startsWith('node:')))
      .map(({ path }) => path);
    expect(offenders).toEqual([]);
  });

  it('load node/ folders only on demand', () => {
    const offenders = sources
      .filter(({ path }) => isIsomorphic(path) && !inNodeFolder(path))
      .filter(({ loaded }) => loaded.some(inNodeFolder))
      .map(({ path }) => path);
    expect(offenders).toEqual([]);
  });

  it('name only modules of node with the prefix node:', () => {
    const bare = new Set(['fs', 'path', 'crypto', 'os', 'url', 'worker_threads', 'stream', 'buffer', 'util', 'http']);
    expect(sources.filter(({ foreign }) => foreign.some((name) => bare.has(name))).map(({ path }) => path)).toEqual([]);
  });
});

describe('randomness', () => {
  it('never comes from Math.random', () => {
    const offenders = sources.filter(({ text }) => /\bMath\s*(\?\.|\.|\[\s*['"`])\s*random\b/.test(text));
    expect(offenders.map(({ path }) => path)).toEqual([]);
  });
});

describe('public doors', () => {
  const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    exports: Record<string, string | { types: string; default: string }>;
  };
  const doors = Object.entries(exports).flatMap(([name, target]) =>
    typeof target === 'string' ? [] : [{ name, types: target.types, default: target.default }],
  );
  const sourceOf = (target: string) => target.replace(/^\.\/dist\//, '').replace(/(\.d\.ts|\.js)$/, '.ts');

  it('exist, types first', () => {
    for (const door of doors) {
      expect(existsSync(join(ROOT, 'src', sourceOf(door.default))), door.name).toBe(true);
      expect(sourceOf(door.types), door.name).toBe(sourceOf(door.default));
    }
    for (const target of Object.values(exports)) {
      if (typeof target !== 'string') expect(Object.keys(target)[0]).toBe('types');
    }
  });

  it('are the only barrels, and nothing inside the package goes through them', () => {
    const barrels = sources.map(({ path }) => path).filter((path) => path.endsWith('index.ts'));
    expect(barrels.toSorted()).toEqual(doors.map((door) => sourceOf(door.default)).toSorted());
    const throughDoors = edges().filter(({ from, to }) => to.endsWith('index.ts') && from !== 'index.ts');
    expect(throughDoors).toEqual([]);
  });
});
