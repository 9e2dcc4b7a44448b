// Large outputs: what a run's events carry beyond 64 KiB stands in data/SHA256.json, and the line names it.
//
// In a line `{"$data":"SHA256"}` stands for the content of that file. A value of the user that is itself an object with the
// one key `$data` is written `{"$data":{"value":...}}`, so the two never meet.
//
// F1  a file is whole and synced, and its name too, before the line that names it is written.
// F2  content is checked against its name when it is read; missing or changed content reads as null, with a note in quarantine.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { RunEvent } from '../../kernel/events.ts';
import { isObject, type Json, type JsonObject } from '../../kernel/json.ts';
import type { Disk } from './disk.ts';
import { replaceFileSyncedNow } from './replace.ts';

export const INLINE_LIMIT_BYTES = 64 * 1024;
const MARKER = '$data';
const SHA256 = /^[0-9a-f]{64}$/;

/** The places of an event where the data of users stands. */
function mapData(event: JsonObject, map: (value: Json) => Json): JsonObject {
  const changed: JsonObject = {};
  const visit = (holder: Json | undefined, key: string, put: (value: JsonObject) => void): void => {
    if (!isObject(holder)) return;
    const before = holder[key];
    if (before === undefined) return;
    const after = map(before);
    if (after !== before) put({ ...holder, [key]: after });
  };
  visit(event, 'output', (value) => {
    changed['output'] = value['output'] as Json;
  });
  visit(event['outcome'], 'output', (value) => {
    changed['outcome'] = value;
  });
  visit(event['effect'], 'output', (value) => {
    changed['effect'] = value;
  });
  visit(event['registration'], 'input', (value) => {
    changed['registration'] = value;
  });
  return Object.keys(changed).length === 0 ? event : { ...event, ...changed };
}

function carriesData(type: unknown): boolean {
  return type === 'Ended' || type === 'InlineEnded' || type === 'RunEnded' || type === 'Registered';
}

function isMarked(value: Json): value is JsonObject {
  return isObject(value) && MARKER in value && Object.keys(value).length === 1;
}

export class DataFiles {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #note: (name: string, reason: string) => void;

  constructor(disk: Disk, directory: string, note: (name: string, reason: string) => void) {
    this.#disk = disk;
    this.#directory = directory;
    this.#note = note;
  }

  /** JSON text of the events, after what is too large for a line was written to files of its own and synced. */
  encode(events: readonly RunEvent[]): string[] {
    let filesWritten = false;
    const texts = events.map((event) => {
      const text = JSON.stringify(event);
      if (!carriesData(event.type)) return text;
      const mayBeLarge = text.length * 3 > INLINE_LIMIT_BYTES;
      const plain = event as unknown as JsonObject;
      const mapped = mapData(plain, (value) => {
        const file = mayBeLarge ? this.#write(value) : null;
        if (file !== null) {
          filesWritten = true;
          return { [MARKER]: file };
        }
        return isMarked(value) ? { [MARKER]: { value } } : value;
      });
      return mapped === plain ? text : JSON.stringify(mapped);
    });
    // The names, once for all files of this append (F1); also of those that stood there: their writer may have died before.
    if (filesWritten) this.#disk.syncNow(this.#directory);
    return texts;
  }

  /** The event as it was appended. Its form is vouched for by the checksum of its line. */
  decode(event: JsonObject): RunEvent {
    const mapped = carriesData(event['type'])
      ? mapData(event, (value) => (isMarked(value) ? this.#resolve(value[MARKER]) : value))
      : event;
    return mapped as unknown as RunEvent;
  }

  #write(value: Json): string | null {
    const text = JSON.stringify(value);
    const bytes = Buffer.from(text);
    if (bytes.length <= INLINE_LIMIT_BYTES) return null;
    const name = createHash('sha256').update(bytes).digest('hex');
    const path = join(this.#directory, `${name}.json`);
    const there = this.#disk.stat(path);
    if (there?.isFile !== true || there.size !== bytes.length) {
      this.#disk.makeDirectory(this.#directory);
      replaceFileSyncedNow(this.#disk, path, bytes);
    }
    return name;
  }

  #resolve(marked: Json | undefined): Json {
    if (isObject(marked)) return marked['value'] ?? null;
    if (typeof marked !== 'string' || !SHA256.test(marked)) return null;
    const name = `${marked}.json`;
    try {
      const bytes = this.#disk.read(join(this.#directory, name), Number.MAX_SAFE_INTEGER);
      if (bytes !== null && createHash('sha256').update(bytes).digest('hex') === marked) {
        return JSON.parse(bytes.toString('utf8')) as Json;
      }
      this.#note(
        name,
        `data/${name}: expected the output of this hash, found ${bytes === null ? 'nothing' : 'other content'}; it reads as null`,
      );
    } catch (error) {
      this.#note(
        name,
        `data/${name}: cannot be read (${error instanceof Error ? error.message : String(error)}); it reads as null`,
      );
    }
    return null;
  }
}
