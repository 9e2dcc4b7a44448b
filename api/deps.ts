// What the API is given: ports and the store. It holds nothing else between two requests.

import type { Random } from '../kernel/ports.ts';
import type { Log } from '../runtime/log.ts';
import type { Store } from '../store/store.ts';
import type { Authenticator } from './auth.ts';
import type { ChangeHub, SharedLists, Texts } from './resources/hub.ts';

/** What an app shares between requests, to do the same work once. It is nothing that another process would miss. */
export interface Shared {
  readonly hub: ChangeHub;
  readonly lists: SharedLists;
  readonly texts: Texts;
}

export interface ApiDeps {
  readonly store: Store;
  readonly auth: Authenticator;
  readonly random: Random;
  readonly log: Log;
  /** Of this program. */
  readonly version: string;
  /** `GET /runs` answers. */
  readonly isDebug: boolean;
  /** Ends long answers (watches, logs) when the server stops. */
  readonly stop: AbortSignal;
}

/** With what an app makes for itself. */
export interface AppDeps extends ApiDeps {
  readonly shared: Shared;
}
