/** The coordinator as a worker: for audits, whose judge it is, and for what no worker can do. */
import { HermeticError } from '../base/errors.ts';
import { isOtherRequest } from '../protocol/refresh-transport.ts';
import type { Bootstrapping } from '../trainer/bootstrapping.ts';
import type { Finding } from './task.ts';
import type { UnitDone, UnitJob } from './units.ts';
import { doUnit, type Workbench } from './workbench.ts';

export class OwnBench {
  readonly #bench: Workbench;
  readonly #load: (() => Promise<Bootstrapping>) | undefined;
  #bootstrapping: Bootstrapping | undefined;

  /** @param load its bootstrapping keys, when they are needed first */
  constructor(bench: Workbench, load?: () => Promise<Bootstrapping>) {
    this.#bench = bench;
    this.#load = load;
  }

  /** It has the rows, or can get the keys. */
  can(job: UnitJob): boolean {
    if (job.kind === 'gradient') return this.#bench.shard(job.shard)?.rows === job.rows;
    return job.kind !== 'refresh' || this.#load !== undefined;
  }

  async do(job: UnitJob): Promise<UnitDone> {
    if (job.kind === 'refresh') this.#bootstrapping ??= await this.#load?.();
    return doUnit({ ...this.#bench, bootstrapping: this.#bootstrapping }, job);
  }

  /**
   * What an honest worker answers. For a call to the owner: 'nobody' where its name went to another request, so that none can
   * have made it; undefined where the owner does not answer it again.
   */
  async judge(job: UnitJob): Promise<Finding> {
    try {
      return await this.do(job);
    } catch (error) {
      if (job.kind !== 'owner-refresh' || !(error instanceof HermeticError)) throw error;
      return isOtherRequest(error) ? 'nobody' : undefined;
    }
  }

  dispose(): void {
    this.#bootstrapping?.dispose();
  }
}
