/**
 * Who uses the page. The owner's token lives as long as the tab: it opens networks. The trainer's stays in this browser
 * until they leave, for an invitation is accepted once and a run shall go on tomorrow.
 */

import { ofBrowser, ofTab } from './kept-text.ts';

const OWNER = 'hermetic.owner';
const TRAINER = 'hermetic.trainer';

export class Session {
  owner: string | undefined = $state();
  trainer: string | undefined = $state();
  /** Why the owner must sign in again. */
  farewell: string | undefined = $state();
  /** The route asked for before signing in. */
  wanted: string | undefined;

  constructor() {
    this.owner = ofTab.getItem(OWNER) ?? undefined;
    this.trainer = ofBrowser.getItem(TRAINER) ?? undefined;
  }

  signIn(token: string): void {
    ofTab.setItem(OWNER, token);
    this.owner = token;
    this.farewell = undefined;
  }

  signOut(farewell?: string): void {
    ofTab.removeItem(OWNER);
    this.owner = undefined;
    this.farewell = farewell;
  }

  join(token: string): void {
    ofBrowser.setItem(TRAINER, token);
    this.trainer = token;
  }

  leave(): void {
    ofBrowser.removeItem(TRAINER);
    this.trainer = undefined;
  }
}

export const session: Session = new Session();
