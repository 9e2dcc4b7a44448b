// Signals that stand, by the run they are for.
//
// A Signal is bound to the uid of its run when it is accepted, so a run of the same name that comes later never gets it. It is kept until a node
// takes it; consumption is a journal line, and only when that is recorded does the object go.

import type { PendingSignal } from '../kernel/decide.ts';
import { textAt } from '../kernel/json.ts';
import type { Clock } from '../kernel/ports.ts';
import { timeText } from '../kernel/time.ts';
import type { Condition, Resource } from '../manifests/model.ts';
import type { Resources, RunRef } from '../store/store.ts';

interface Standing extends PendingSignal {
  readonly resource: string;
  readonly revision: number;
  readonly runName: string;
  /** Nodes that ask for something else. */
  readonly refusedBy: Set<string>;
  /** Of what it says. */
  readonly digest: string;
  /** Uid of the run that it is bound to; null while there is no such run. */
  boundTo: string | null;
}

export class Signals {
  readonly #resources: Resources;
  readonly #clock: Clock;
  readonly #byUid = new Map<string, Standing>();
  readonly #byRun = new Map<string, Standing[]>();

  constructor(resources: Resources, clock: Clock) {
    this.#resources = resources;
    this.#clock = clock;
  }

  /** Takes a Signal in; `run` is the run of that name, if there is one. Returns the uid of the run to look at. */
  async add(signal: Resource, run: RunRef | null, time: string): Promise<string | null> {
    const { spec, metadata } = signal;
    const runName = textAt(spec, 'run');
    const known = this.#byUid.get(metadata.uid);
    // Edited by hand since, most likely because it was refused: it is looked at anew, at the end of the line.
    if (known !== undefined && known.digest !== JSON.stringify(spec)) this.remove(metadata.uid);
    else if (known !== undefined) return null;
    if (runName === '') return null;
    const standing: Standing = {
      uid: metadata.uid,
      resource: metadata.name,
      revision: Number(metadata.resourceVersion),
      runName,
      name: textAt(spec, 'name'),
      data: spec['data'] ?? null,
      boundTo: null,
      refusedBy: new Set(),
      digest: JSON.stringify(spec),
    };
    this.#byUid.set(metadata.uid, standing);
    if (run === null) await this.#say(standing, 'False', 'NoSuchRun', `there is no run "${standing.runName}"`, time);
    else await this.#bind(standing, run.uid, time);
    return standing.boundTo;
  }

  /** A run came into being: Signals that waited for its name are its. */
  async runStarted(ref: RunRef, time: string): Promise<void> {
    for (const standing of this.#byUid.values()) {
      if (standing.boundTo === null && standing.runName === ref.name) await this.#bind(standing, ref.uid, time);
    }
  }

  async #bind(standing: Standing, uid: string, time: string): Promise<void> {
    standing.boundTo = uid;
    const list = this.#byRun.get(uid) ?? [];
    list.push(standing);
    list.sort((left, right) => left.revision - right.revision);
    this.#byRun.set(uid, list);
    await this.#say(standing, 'True', 'Accepted', `kept until a node of run "${standing.runName}" waits for it`, time);
  }

  /** In revision order. */
  of(uid: string): readonly PendingSignal[] {
    return this.#byRun.get(uid) ?? [];
  }

  isRefused(node: string, uid: string): boolean {
    return this.#byUid.get(uid)?.refusedBy.has(node) === true;
  }

  /** What it says is not what the node asks for: it is kept, for another node or until it is edited. */
  async refuse(uid: string, node: string, message: string): Promise<void> {
    const standing = this.#byUid.get(uid);
    if (standing === undefined) return;
    standing.refusedBy.add(node);
    await this.#say(standing, 'False', 'Invalid', `node "${node}": ${message}`, timeText(this.#clock.now().wall));
  }

  /** Removes what the run has consumed: the line that says so is recorded. */
  async consumed(uid: string, isConsumed: (signal: string) => boolean): Promise<void> {
    for (const standing of this.#byRun.get(uid) ?? []) {
      if (!isConsumed(standing.uid)) continue;
      await this.#resources.delete('Signal', standing.resource, { uid: standing.uid }).catch(ignoreGone);
      this.remove(standing.uid);
    }
  }

  /** The run ended and nobody took these. */
  async unused(uid: string, time: string): Promise<void> {
    for (const standing of this.#byRun.get(uid) ?? []) {
      await this.#say(standing, 'False', 'Unused', `run "${standing.runName}" ended and no node took it`, time);
    }
  }

  /** The object is gone. */
  remove(uid: string): void {
    const standing = this.#byUid.get(uid);
    if (standing === undefined) return;
    this.#byUid.delete(uid);
    if (standing.boundTo === null) return;
    const rest = (this.#byRun.get(standing.boundTo) ?? []).filter((other) => other !== standing);
    if (rest.length === 0) this.#byRun.delete(standing.boundTo);
    else this.#byRun.set(standing.boundTo, rest);
  }

  /** The run is gone, and its Signals with it. */
  async runRemoved(uid: string): Promise<void> {
    await this.consumed(uid, () => true);
  }

  #say(standing: Standing, status: Condition['status'], reason: string, message: string, time: string): Promise<void> {
    return this.#resources.report('Signal', standing.resource, standing.uid, [
      { type: 'Accepted', status, reason, message, lastTransitionTime: time },
    ]);
  }
}

function ignoreGone(error: unknown): void {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== 'NotFound' && code !== 'Conflict') throw error;
}
