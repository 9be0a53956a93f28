/** What all chapters of the federation share. */

import type { ServiceClient } from '../../../client/service-client.ts';
import type { Examples } from '../../../data/examples.ts';
import type { ServedNetwork } from '../../../protocol/service/types.ts';
import type { Console } from '../../console.ts';
import type { Split } from '../../data-source.ts';
import type { Story } from '../story.ts';
import type { Timeline } from '../timeline.ts';

export interface FederationOptions {
  readonly console: Console;
  /** For the store, the trainers' folders and the report. */
  readonly folder: string;
  readonly threads: number | undefined;
  /** Serve on until the user stops. */
  readonly stay: boolean;
  readonly port: number;
}

export interface FederationStage extends FederationOptions {
  readonly story: Story;
  readonly timeline: Timeline;
  readonly signal: AbortSignal;
  readonly split: Split;
  /** The owner's own mails. */
  readonly sample: Examples;
}

/** The service, and the network on it. */
export interface FederationService {
  readonly url: string;
  /** As the owner calls it. */
  readonly client: ServiceClient;
  readonly network: ServedNetwork;
}
