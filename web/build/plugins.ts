/** What the bundler must know of this package: its doors lead to its sources, and its parts for Node stay outside. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Plugin } from 'vite';

export interface DoorAlias {
  readonly find: RegExp;
  readonly replacement: string;
}

/** `hermetic/trainer` → src/trainer/index.ts, for each door in `exports` of the package file. */
export function publicDoors(packageFile: string): DoorAlias[] {
  const { name, exports } = JSON.parse(readFileSync(packageFile, 'utf8')) as {
    readonly name: string;
    readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
  };
  return Object.entries(exports).flatMap(([door, target]) => {
    if (typeof target === 'string') return [];
    const source = target.default.replace(/^\.\/dist\//, 'src/').replace(/\.js$/, '.ts');
    const find = new RegExp(`^${name}${door.slice(1)}$`);
    return [{ find, replacement: join(dirname(packageFile), source) }];
  });
}

const NO_NODE = '\0hermetic-without-node';

/**
 * Modules of Node, and the folders `node/` that use them, become one module that throws when it is loaded. Files for
 * browsers load them on demand only; a static import of one would break the page, so it breaks the build.
 */
export function withoutNode(): Plugin {
  return {
    name: 'hermetic-without-node',
    enforce: 'pre',
    resolveId(source, importer) {
      if (importer?.includes('/node_modules/')) return null;
      return /^node:/.test(source) || /^\.{1,2}\/(.*\/)?node\/[^/]+\.ts$/.test(source) ? NO_NODE : null;
    },
    load: (id) => (id === NO_NODE ? "throw new Error('this part of Hermetic needs Node');" : null),
    buildEnd() {
      const importers = this.getModuleInfo(NO_NODE)?.importers ?? [];
      if (importers.length > 0) this.error(`imported into a browser: Node, by ${importers.join(', ')}`);
    },
  };
}
