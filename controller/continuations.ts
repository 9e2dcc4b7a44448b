// How a run that goes on by itself is told what follows: the continuation of its state machine, with what that needs of the world.
//
// Loaded when the first such run comes, because most controllers never see one.

import type { Continuation } from '../kernel/continuation.ts';
import type { Json, JsonObject } from '../kernel/json.ts';
import type { Random } from '../kernel/ports.ts';
import type { Registration } from '../kernel/task.ts';

interface Thread {
  readonly evaluate: (template: Json, field: string, bindings: JsonObject) => Promise<Json>;
  close(): Promise<void>;
}

export class Continuations {
  readonly #random: Random;
  #thread: Thread | null = null;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Null when its graph grows only as its tasks say. */
  async of(registration: Registration): Promise<Continuation | null> {
    if (registration.continuation === undefined) return null;
    const { continuationOf } = await import('../manifests/states/continuation.ts');
    const { JsonataThread } = await import('../manifests/states/jsonata-thread.ts');
    this.#thread ??= new JsonataThread(this.#random);
    return continuationOf(registration, { random: this.#random, jsonata: this.#thread.evaluate });
  }

  /** For a controller that leaves. */
  async close(): Promise<void> {
    await this.#thread?.close();
  }
}
