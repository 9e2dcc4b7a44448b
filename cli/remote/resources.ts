// The resources half of the store, through the API: what verbs read and write when they are given --server.
//
// R1  only what people do; what the controller does (finishDelete, report, scan) is not for clients and does nothing here.

import { StoreError } from '../../kernel/errors.ts';
import { isObject, type JsonObject, textAt } from '../../kernel/json.ts';
import { API_GROUP, type Kind, KINDS, type Manifest, type Resource } from '../../manifests/model.ts';
import type { Change, Resources, WriteOptions } from '../../store/store.ts';
import { errorOf, type Client } from './http.ts';

const VERBS: ReadonlyMap<string, Change['verb']> = new Map([
  ['ADDED', 'Added'],
  ['MODIFIED', 'Modified'],
  ['DELETED', 'Deleted'],
]);

export function pathOf(kind: Kind, name?: string): string {
  const plural = KINDS.find((info) => info.kind === kind)?.plural ?? '';
  const base = `/apis/${API_GROUP}/v1/${plural}`;
  return name === undefined ? base : `${base}/${encodeURIComponent(name)}`;
}

export class RemoteResources implements Resources {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async revision(): Promise<number> {
    const list = await this.#client.json('GET', `${pathOf('Workflow')}?limit=1`);
    return Number(textAt(list['metadata'], 'resourceVersion'));
  }

  async get(kind: Kind, name: string): Promise<Resource | null> {
    try {
      return withoutNodes(await this.#client.json('GET', pathOf(kind, name)));
    } catch (error) {
      if (error instanceof StoreError && error.code === 'NotFound') return null;
      throw error;
    }
  }

  async list(kind: Kind, page: { after?: string; limit?: number } = {}) {
    const query = new URLSearchParams();
    if (page.limit !== undefined && Number.isFinite(page.limit)) query.set('limit', String(page.limit));
    if (page.after !== undefined) query.set('continue', await tokenAfter(page.after));
    const list = await this.#client.json('GET', `${pathOf(kind)}?${query.toString()}`);
    const metadata = isObject(list['metadata']) ? list['metadata'] : {};
    return {
      items: list['items'] as unknown as Resource[],
      revision: Number(textAt(metadata, 'resourceVersion')),
      remaining: Number(metadata['remainingItemCount'] ?? 0),
    };
  }

  async create(manifest: Manifest, options: WriteOptions = {}): Promise<Resource> {
    return withoutNodes(await this.#write('POST', pathOf(manifest.kind), manifest, options, {}));
  }

  async update(manifest: Manifest, options: WriteOptions = {}): Promise<Resource> {
    const { expected, uid } = options;
    const pinned = {
      ...(expected === undefined ? {} : { resourceVersion: expected }),
      ...(uid === undefined ? {} : { uid }),
    };
    const path = pathOf(manifest.kind, manifest.metadata.name);
    return withoutNodes(await this.#write('PUT', path, manifest, options, pinned));
  }

  /** The author's words travel as they are, so that the server keeps them. */
  #write(
    method: string,
    path: string,
    manifest: Manifest,
    options: WriteOptions,
    pinned: JsonObject,
  ): Promise<JsonObject> {
    const query = `?fieldManager=oarlock${options.dryRun === true ? '&dryRun=All' : ''}`;
    const { text } = options;
    if (text !== undefined) {
      const expected = textAt(pinned, 'resourceVersion');
      const headers: { [name: string]: string } = expected === '' ? {} : { 'If-Match': `"${expected}"` };
      return this.#client.json(method, path + query, { body: text, type: 'application/yaml', headers });
    }
    const body = JSON.stringify({ ...manifest, metadata: { ...manifest.metadata, ...pinned } });
    return this.#client.json(method, path + query, { body });
  }

  async delete(kind: Kind, name: string, options: WriteOptions = {}): Promise<Resource> {
    const before = await this.get(kind, name);
    if (before === null)
      throw new StoreError(
        'NotFound',
        `${kind}/${name}`,
        `${kind}/${name}: expected an object of that name, found none`,
      );
    const preconditions = {
      uid: options.uid ?? before.metadata.uid,
      ...(options.expected === undefined ? {} : { resourceVersion: options.expected }),
    };
    await this.#client.json('DELETE', pathOf(kind, name), { body: JSON.stringify({ preconditions }) });
    return before;
  }

  async finishDelete(): Promise<void> {}

  async report(): Promise<void> {}

  async scan(): Promise<void> {}

  onHint(): () => void {
    return () => undefined;
  }

  /** The API watches a kind at a time, so changes of different kinds come in the order in which they arrive. */
  async *watch(from: number, signal: AbortSignal): AsyncGenerator<Change> {
    const stop = new AbortController();
    const all = AbortSignal.any([signal, stop.signal]);
    const arrived = new Arrivals<Change>();
    const streams = KINDS.map(({ kind }) => this.#watchKind(kind, from, all, arrived));
    const over = Promise.all(streams).then(
      () => arrived.end(),
      (error: unknown) => arrived.fail(error),
    );
    try {
      yield* arrived.values();
    } finally {
      stop.abort();
      await over;
    }
  }

  async #watchKind(kind: Kind, from: number, signal: AbortSignal, arrived: Arrivals<Change>): Promise<void> {
    let position = from;
    // A stream ends when the server says so; from the last change that came it goes on without a gap.
    while (!signal.aborted) {
      const path = `${pathOf(kind)}?watch=true&allowWatchBookmarks=true&resourceVersion=${position}`;
      for await (const event of this.#client.lines(path, signal)) {
        const object = event['object'] as unknown as Resource;
        if (event['type'] === 'ERROR') throw errorOf(410, JSON.stringify(object), new URL('http://watch'));
        position = Number(object.metadata.resourceVersion);
        const verb = VERBS.get(String(event['type'] as string));
        const { name, uid } = object.metadata;
        if (verb !== undefined) arrived.add({ revision: position, verb, kind, name, uid, object });
      }
    }
  }
}

/** Values of several sources, in the order in which they came. */
class Arrivals<T> {
  readonly #waiting: T[] = [];
  #wake: () => void = () => undefined;
  #isOver = false;
  #error: unknown = null;

  add(value: T): void {
    this.#waiting.push(value);
    this.#wake();
  }

  end(): void {
    this.#isOver = true;
    this.#wake();
  }

  fail(error: unknown): void {
    this.#error = error;
    this.end();
  }

  async *values(): AsyncGenerator<T> {
    for (;;) {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) yield next;
      if (this.#error !== null) throw this.#error instanceof Error ? this.#error : new Error('the watch failed');
      if (this.#isOver) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

async function tokenAfter(name: string): Promise<string> {
  const { continueToken } = await import('../../api/resources/read.ts');
  return continueToken(name);
}

/** A get has the state of every node; the store's own has not, and verbs take nodes from the journal. */
function withoutNodes(object: JsonObject): Resource {
  const status = object['status'];
  if (!isObject(status) || status['nodes'] === undefined) return object as unknown as Resource;
  const { nodes: _nodes, ...summary } = status;
  return { ...object, status: summary } as unknown as Resource;
}
