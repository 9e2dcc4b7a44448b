// Workers and TaskLeases as `get` lists them.

import type { JsonObject } from '../kernel/json.ts';
import type { Store } from '../store/store.ts';
import { listLeases, listWorkers } from '../store/views.ts';
import type { View } from './kinds.ts';

export function listView(store: Store, view: View): Promise<JsonObject[]> {
  return view === 'Worker' ? listWorkers(store) : listLeases(store);
}
