// Watches: every change after a revision, one JSON document a line, for as long as the client listens.
//
// W1  nothing is lost or doubled between the revision that was asked for and the end of the stream; where that cannot be kept the
//     client is told (410 Expired) and lists again.
// W2  a selector speaks of states: what starts to match comes as ADDED, what stops as DELETED.
// W3  a client that does not read is let go, before its backlog costs memory.

import type { ServerResponse } from 'node:http';
import type { Context } from 'koa';
import type { JsonObject } from '../../kernel/json.ts';
import type { Kind, Resource } from '../../manifests/model.ts';
import type { Change } from '../../store/store.ts';
import type { AppDeps } from '../deps.ts';
import { type ApiError, badRequest, toApiError, toStatus } from '../problem.ts';
import { flag, wholeNumber } from '../request.ts';
import type { Selector } from '../selectors.ts';
import { plain } from './present.ts';
import type { ListQuery } from './read.ts';
import { toTable } from './table.ts';
import { groupVersionOf, type ResourceType } from './types.ts';

const BOOKMARK_MS = 60_000;
/** `kubectl get -w` does not reconnect, so a stream without a limit of the client's ends late. */
const LONGEST_SECONDS = 3_600;
const LONGEST_BACKLOG_BYTES = 8 * 1024 * 1024;
const PAGE = 500;

type EventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';

/** Objects that are shown as something else, such as runs as Pods. */
export interface WatchView {
  readonly kind: Kind;
  /** What selectors see. */
  head(object: Resource): JsonObject;
  whole(object: Resource): Promise<JsonObject>;
}

/** `view`: what changes; without one it is objects of the type itself. */
export async function watchStored(
  deps: AppDeps,
  ctx: Context,
  type: ResourceType,
  asked: ListQuery,
  view: WatchView = { kind: type.kind as Kind, head: plain, whole: async (object) => plain(object) },
): Promise<void> {
  const from = revisionOf(asked.query);
  const seconds = Math.min(wholeNumber(asked.query, 'timeoutSeconds') ?? LONGEST_SECONDS, LONGEST_SECONDS);
  const stream = new WatchStream(deps, openStream(ctx, 'application/json'), type, asked, view);
  const stop = AbortSignal.any([deps.stop, stream.closed]);
  const cancel = deps.store.clock.after(seconds * 1000, () => stream.end());
  try {
    const start = from === null ? await stream.sendExisting() : await stream.expectFrom(from);
    for await (const change of deps.shared.hub.watch(start, stop)) await stream.send(change);
  } catch (error) {
    stream.fail(toApiError(error, null, (unexpected) => reportWatch(deps, unexpected)));
  } finally {
    cancel();
    stream.end();
  }
}

function reportWatch(deps: AppDeps, error: unknown): string {
  deps.log.error('a watch failed', { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  return 'the watch failed';
}

/** Null: from whatever there is now, starting with all of it. */
function revisionOf(query: ReadonlyMap<string, string>): number | null {
  const text = query.get('resourceVersion') ?? '';
  if (flag(query, 'sendInitialEvents')) return null;
  if (text === '' || text === '0') return null;
  if (/^[1-9]\d{0,15}$/.test(text)) return Number(text);
  throw badRequest(
    `query parameter "resourceVersion": expected a revision, found ${JSON.stringify(text.slice(0, 40))}`,
  );
}

/** Takes the answer over from Koa and sends its headers at once. */
export function openStream(ctx: Context, contentType: string): ServerResponse {
  ctx.respond = false;
  const response = ctx.res;
  response.writeHead(200, { 'Content-Type': contentType, ...streamHeaders(ctx) });
  response.flushHeaders();
  ctx.req.socket.setTimeout(0);
  return response;
}

function streamHeaders(ctx: Context): { [name: string]: string } {
  const headers: { [name: string]: string } = {};
  for (const [name, value] of Object.entries(ctx.response.headers))
    if (typeof value === 'string') headers[name] = value;
  return headers;
}

class WatchStream {
  readonly #deps: AppDeps;
  readonly #response: ServerResponse;
  readonly #type: ResourceType;
  readonly #view: WatchView;
  readonly #asked: ListQuery;
  readonly #stop = new AbortController();
  readonly #known: KnownMatches;
  #hasColumns = true;
  #position = 0;
  #cancelBookmark: () => void = () => undefined;

  constructor(deps: AppDeps, response: ServerResponse, type: ResourceType, asked: ListQuery, view: WatchView) {
    this.#deps = deps;
    this.#response = response;
    this.#type = type;
    this.#asked = asked;
    this.#view = view;
    this.#known = new KnownMatches(asked.selector, view);
    response.on('close', () => this.#stop.abort());
    response.on('error', () => this.#stop.abort());
    if (flag(asked.query, 'allowWatchBookmarks')) this.#planBookmark();
  }

  get closed(): AbortSignal {
    return this.#stop.signal;
  }

  /** Everything there is as ADDED; returns the revision to go on from. */
  async sendExisting(): Promise<number> {
    const { lists } = this.#deps.shared;
    let revision: number | undefined;
    for (let after = ''; ; ) {
      const page = await lists.list(this.#view.kind, { limit: PAGE, ...(after === '' ? {} : { after }) });
      revision ??= page.revision;
      for (const item of page.items) {
        if (!this.#asked.selector.matches(this.#view.head(item))) continue;
        this.#known.add(item.metadata.uid);
        await this.#write('ADDED', item);
      }
      after = page.items.at(-1)?.metadata.name ?? '';
      if (page.remaining === 0 || after === '') break;
    }
    this.#position = revision;
    this.#known.isComplete = true;
    if (flag(this.#asked.query, 'sendInitialEvents')) this.#writeBookmark({ 'k8s.io/initial-events-end': 'true' });
    return revision;
  }

  /** Learns what matches now, where that is needed to tell what starts or stops to match. */
  async expectFrom(revision: number): Promise<number> {
    this.#position = revision;
    if (!this.#asked.selector.isFixed && !this.#asked.selector.isEmpty) {
      await this.#known.learn(this.#deps);
    }
    return revision;
  }

  async send(change: Change): Promise<void> {
    this.#position = change.revision;
    if (change.kind !== this.#view.kind) return;
    const type = this.#known.judge(change);
    if (type !== null) await this.#write(type, change.object);
  }

  fail(error: ApiError): void {
    if (!this.#stop.signal.aborted) this.#writeLine('ERROR', toStatus(error));
  }

  end(): void {
    this.#cancelBookmark();
    this.#stop.abort();
    if (!this.#response.writableEnded) this.#response.end();
  }

  #planBookmark(): void {
    this.#cancelBookmark = this.#deps.store.clock.after(BOOKMARK_MS, () => {
      if (this.#position > 0) this.#writeBookmark();
      this.#planBookmark();
    });
  }

  #writeBookmark(annotations?: JsonObject): void {
    const resourceVersion = String(this.#position);
    const metadata = annotations === undefined ? { resourceVersion } : { resourceVersion, annotations };
    this.#writeLine('BOOKMARK', { kind: this.#type.kind, apiVersion: groupVersionOf(this.#type), metadata });
  }

  async #write(type: EventType, object: Resource): Promise<void> {
    const { form, include } = this.#asked;
    const isPlain = object.kind === this.#type.kind;
    if (form.table === null && isPlain)
      return this.#send(`{"type":"${type}","object":${this.#deps.shared.texts.of(object)}}\n`);
    if (form.table === null) return this.#writeLine(type, await this.#view.whole(object));
    const table = toTable(this.#type.kind, [this.#view.head(object)], {
      include,
      wallMs: this.#deps.store.clock.now().wall,
      metadata: { resourceVersion: object.metadata.resourceVersion },
      hasColumns: this.#hasColumns,
      apiVersion: `meta.k8s.io/${form.table}`,
    });
    this.#hasColumns = false;
    this.#writeLine(type, table);
  }

  #writeLine(type: EventType, object: JsonObject): void {
    this.#send(`${JSON.stringify({ type, object })}\n`);
  }

  #send(line: string): void {
    if (this.#stop.signal.aborted || this.#response.destroyed) return;
    this.#response.write(line);
    if (this.#response.writableLength > LONGEST_BACKLOG_BYTES) this.#response.destroy();
  }
}

/** Which objects matched when they were last seen. */
class KnownMatches {
  readonly #selector: Selector;
  readonly #view: WatchView;
  readonly #matching = new Set<string>();
  /** Up to here what matched before is not known. */
  #learnedAt = 0;
  /** Everything that matched has been seen. */
  isComplete = false;

  constructor(selector: Selector, view: WatchView) {
    this.#selector = selector;
    this.#view = view;
  }

  add(uid: string): void {
    if (!this.#selector.isFixed) this.#matching.add(uid);
  }

  async learn(deps: AppDeps): Promise<void> {
    for (let after = ''; ; ) {
      const page = await deps.shared.lists.list(this.#view.kind, { limit: PAGE, ...(after === '' ? {} : { after }) });
      for (const item of page.items)
        if (this.#selector.matches(this.#view.head(item))) this.#matching.add(item.metadata.uid);
      this.#learnedAt = Math.max(this.#learnedAt, page.revision);
      after = page.items.at(-1)?.metadata.name ?? '';
      if (page.remaining === 0 || after === '') break;
    }
    this.isComplete = true;
  }

  /** What the change is for somebody who sees only what matches; null: nothing. */
  judge(change: Change): EventType | null {
    const { verb, object, uid, revision } = change;
    const isMatching = this.#selector.matches(this.#view.head(object));
    if (this.#selector.isEmpty || this.#selector.isFixed) {
      if (!isMatching) return null;
      return verb === 'Added' ? 'ADDED' : verb === 'Deleted' ? 'DELETED' : 'MODIFIED';
    }
    const wasMatching = this.#matching.has(uid);
    if (isMatching && verb !== 'Deleted') this.#matching.add(uid);
    else this.#matching.delete(uid);
    if (verb === 'Deleted') return isMatching || wasMatching ? 'DELETED' : null;
    if (verb === 'Added') return isMatching ? 'ADDED' : null;
    // What came before the list was learned may have stopped to match in between: said once too often rather than never.
    if (revision <= this.#learnedAt) return isMatching ? 'MODIFIED' : 'DELETED';
    if (isMatching) return wasMatching ? 'MODIFIED' : 'ADDED';
    return wasMatching ? 'DELETED' : null;
  }
}
