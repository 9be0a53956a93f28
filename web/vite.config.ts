/**
 * The page's build: hashed files of one origin, no inline scripts and nothing fetched from elsewhere, so that a strict
 * Content-Security-Policy holds. The page sees the package through its public doors; what of it needs Node stays out.
 */
import { fileURLToPath } from 'node:url';
import { type Options, svelte } from '@sveltejs/vite-plugin-svelte';
import type { UserConfig } from 'vite';
import { publicDoors, withoutNode } from './build/plugins.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The plugin would print the compiler's warnings past the build's logger, and go on. */
const refuse: Options['onwarn'] = ({ filename, start, message }) => {
  throw new Error(`${filename}:${start?.line ?? 0}: ${message}`);
};

const config: UserConfig = {
  root: here('.'),
  base: './',
  resolve: { alias: publicDoors(here('../package.json')) },
  plugins: [withoutNode(), svelte({ configFile: false, onwarn: refuse })],
  worker: { format: 'es', plugins: () => [withoutNode()] },
  build: {
    outDir: here('../dist/web'),
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The kernels travel as text in the worker's file, which is not needed for the page to appear.
    chunkSizeWarningLimit: 2048,
    reportCompressedSize: false,
    rolldownOptions: {
      // The package's own files have no side effects; those of the page may.
      treeshake: { moduleSideEffects: [{ test: /\/web\//, sideEffects: true }] },
      // A busy machine is no fault of the page's.
      checks: { bundlerTimings: false },
    },
  },
};

export default config;
