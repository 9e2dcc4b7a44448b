// What happened to runs, through the API: journals and logs, read on from what is known already.

import { AdmissionError, StoreError } from '../../kernel/errors.ts';
import type { RunEvent } from '../../kernel/events.ts';
import type { JsonObject } from '../../kernel/json.ts';
import type { Journal, LoadedRun, RunPlaces, RunRef, Runs } from '../../store/store.ts';
import { Failure } from '../failure.ts';
import type { Client } from './http.ts';
import { pathOf, type RemoteResources } from './resources.ts';

interface KnownJournal {
  readonly events: RunEvent[];
  lastSeq: number;
}

export class RemoteRuns implements Runs {
  readonly #client: Client;
  readonly #resources: RemoteResources;
  readonly #journals = new Map<string, KnownJournal>();

  constructor(client: Client, resources: RemoteResources) {
    this.#client = client;
    this.#resources = resources;
  }

  async list(): Promise<RunRef[]> {
    const { items } = await this.#resources.list('WorkflowRun');
    return items.map(({ metadata }) => ({ name: metadata.name, uid: metadata.uid }));
  }

  async load(ref: RunRef): Promise<LoadedRun | null> {
    const known = this.#journals.get(ref.uid) ?? { events: [], lastSeq: 0 };
    try {
      const path = `${pathOf('WorkflowRun', ref.name)}/journal?after=${known.events.length}`;
      const { bytes, headers } = await this.#client.bytes('GET', path);
      for (const line of bytes.toString().split('\n')) if (line !== '') known.events.push(JSON.parse(line) as RunEvent);
      known.lastSeq = Number(headers['x-oarlock-last-seq'] ?? known.events.length);
    } catch (error) {
      // Not started yet, or gone.
      if (error instanceof AdmissionError || (error instanceof StoreError && error.code === 'NotFound')) return null;
      throw error;
    }
    this.#journals.set(ref.uid, known);
    return { snapshot: null, snapshotSeq: 0, events: [...known.events], lastSeq: known.lastSeq };
  }

  async status(ref: RunRef): Promise<JsonObject | null> {
    return (await this.#resources.get('WorkflowRun', ref.name))?.status ?? null;
  }

  async logAttempts(ref: RunRef, node: string): Promise<number[]> {
    const answer = await this.#client.json('GET', `${logPath(ref, { node, attempts: 'true' })}`);
    return (answer['attempts'] as number[] | undefined) ?? [];
  }

  async readLog(ref: RunRef, node: string, attempt: number, offset: number, limit: number): Promise<Uint8Array> {
    const query = { node, attempt: String(attempt), offset: String(offset), limitBytes: String(limit) };
    return (await this.#client.bytes('GET', logPath(ref, query))).bytes;
  }

  open(): Promise<Journal> {
    return Promise.reject(notHere());
  }

  publish(): Promise<void> {
    return Promise.reject(notHere());
  }

  remove(): Promise<void> {
    return Promise.reject(notHere());
  }

  appendLog(): Promise<void> {
    return Promise.reject(notHere());
  }

  places(): RunPlaces {
    throw notHere();
  }
}

function logPath(ref: RunRef, query: { [name: string]: string }): string {
  return `${pathOf('WorkflowRun', ref.name)}/log?${new URLSearchParams(query).toString()}`;
}

export function notHere(): Failure {
  return new Failure(2, 'this needs the state directory itself', 'leave out --server');
}
