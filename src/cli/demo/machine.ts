/** The machine that a figure was measured on. */

import { availableParallelism, cpus } from 'node:os';
import type { Machine } from '../report/report.ts';

export function describeMachine(threads: number | undefined): Machine {
  const cores = availableParallelism();
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown processor',
    cores,
    threads: threads ?? cores,
    platform: `${process.platform} ${process.arch}`,
    node: process.versions.node,
  };
}
