// The regular look at all desired files. A full scan is the truth, events only shorten the wait.
//
// N1  what is wrong with one file is said of its object and stops nothing else.
// N2  a scan of what did not change reads no file and writes none.

import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../kernel/ports.ts';
import { type Kind, KINDS } from '../../manifests/model.ts';
import { isEnded } from '../objects.ts';
import type { Hints } from './hints.ts';
import type { Listings } from './listing.ts';
import type { ObjectFiles } from './object-files.ts';
import { ABSENCE_MS, type Settling } from './settling.ts';

/** Objects that are looked at before others get their turn: about 2 ms. */
const STEP = 200;
/** Ended runs are looked at that often, and when something stirred. */
const ENDED_EVERY_MS = 60_000;
/** After a stall of the event loop events may be lost: then everything is looked at. */
const NEVER = Number.NEGATIVE_INFINITY;

export class Scanner {
  readonly #objects: ObjectFiles;
  readonly #settling: Settling;
  readonly #listings: Listings;
  readonly #hints: Hints;
  readonly #clock: Clock;
  readonly #fullAt = new Map<Kind, number>();

  constructor(options: { objects: ObjectFiles; settling: Settling; listings: Listings; hints: Hints; clock: Clock }) {
    this.#objects = options.objects;
    this.#settling = options.settling;
    this.#listings = options.listings;
    this.#hints = options.hints;
    this.#clock = options.clock;
  }

  async scan(kinds: readonly Kind[] = KINDS.map(({ kind }) => kind)): Promise<void> {
    for (const kind of kinds) await this.#scanKind(kind);
  }

  async #scanKind(kind: Kind): Promise<void> {
    const objects = this.#objects;
    objects.log.refresh();
    const dirty = this.#hints.take(kind);
    const { time } = this.#clock.now();
    const isFull = dirty === null || time - (this.#fullAt.get(kind) ?? NEVER) >= ENDED_EVERY_MS;
    const files = this.#listings.files(kind);
    const changed: string[] = [];
    let steps = 0;
    for (const name of objects.index.names(kind)) {
      const isLeft = this.#isAtRest(kind, name) && !isFull && dirty?.has(name) !== true;
      if (!isLeft && !objects.isQuiet(kind, name, files.get(name) ?? [])) changed.push(name);
      steps += 1;
      if (steps % STEP === 0) await setImmediate();
    }
    for (const name of files.keys()) if (!objects.index.has(kind, name)) changed.push(name);
    await this.#settling.settle(kind, changed, false);
    if (changed.some((name) => this.#isMissing(kind, name))) this.#hints.remind(kind, ABSENCE_MS);
    if (!isFull) return;
    await objects.mendMeta(kind);
    objects.tidy();
    this.#fullAt.set(kind, time);
  }

  /** A run that has ended. What is known of it is kept small. */
  #isAtRest(kind: Kind, name: string): boolean {
    if (kind !== 'WorkflowRun') return false;
    const entry = this.#objects.index.entry(kind, name);
    if (entry === null || entry.missingSince !== null) return false;
    entry.isEnded ??= isEnded(this.#objects.published(kind, name, entry.uid));
    if (entry.isEnded) entry.record = null;
    return entry.isEnded;
  }

  #isMissing(kind: Kind, name: string): boolean {
    const entry = this.#objects.index.entry(kind, name);
    return entry !== null && entry.missingSince !== null;
  }
}
