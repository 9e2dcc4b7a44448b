// Large data: what a run's events and snapshots carry beyond 64 KiB stands in data/SHA256.json, and what is written names it.
//
// `{"$data":"SHA256"}` stands for the content of that file, at whatever depth. A value of the user that is itself an object with the one
// key `$data` is written `{"$data":{"value":...}}`, so the two never meet; `{"$data":{"text":"..."}}` holds what is nested deeply, as JSON.
// The innermost value that is too large is the one that goes to a file: data that is handed on from state to state, with something small
// changed beside it, is written once.
//
// F1  a file is whole and synced, and its name too, before the line that names it is written.
// F2  content is checked against its name when it is read; missing or changed content reads as null, with a note in quarantine.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { RunEvent } from '../../kernel/events.ts';
import { isObject, type Json, type JsonObject } from '../../kernel/json.ts';
import { mapEvent, mapSnapshot } from './data-places.ts';
import type { Disk } from './disk.ts';
import { replaceFileSyncedNow } from './replace.ts';

export const INLINE_LIMIT_BYTES = 64 * 1024;
const MARKER = '$data';
const SHA256 = /^[0-9a-f]{64}$/;
/** What is nested deeper is kept as a text. */
const DEPTH = 200;
/** Packed values smaller than this are not remembered: looking at them costs less. */
const REMEMBERED_BYTES = 4096;
/** Large texts that are remembered, the newest. */
const TEXTS = 16;
/** A marker with the name of a file. */
const MARKER_BYTES = 78;

interface Packed {
  readonly value: Json;
  /** Of its JSON text, about. */
  readonly bytes: number;
  /** Files that it rests on. */
  readonly files: readonly Named[];
}

interface Named {
  readonly name: string;
  readonly bytes: number;
}

const NONE: readonly Named[] = [];

function isMarked(value: Json): value is JsonObject {
  return isObject(value) && MARKER in value && Object.keys(value).length === 1;
}

export class DataFiles {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #note: (name: string, reason: string) => void;
  /** Values never change, so what became of one stays true as long as its files are there. */
  readonly #objects = new WeakMap<object, Packed>();
  readonly #texts = new Map<string, Packed>();
  /** By name, for one reading of a run: the same file is the same value. */
  readonly #read = new Map<string, Json>();
  #filesWritten = false;

  constructor(disk: Disk, directory: string, note: (name: string, reason: string) => void) {
    this.#disk = disk;
    this.#directory = directory;
    this.#note = note;
  }

  /** JSON text of the events, after what is too large for a line was written to files of its own and synced. */
  encode(events: readonly RunEvent[]): string[] {
    return this.#writing(() =>
      events.map((event) => JSON.stringify(mapEvent(event as unknown as JsonObject, this.#inline))),
    );
  }

  encodeSnapshot(data: JsonObject): JsonObject {
    return this.#writing(() => mapSnapshot(data, this.#inline));
  }

  /** The event as it was appended. Its form is vouched for by the checksum of its line. */
  decode(event: JsonObject): RunEvent {
    return mapEvent(event, this.#unpack) as unknown as RunEvent;
  }

  decodeSnapshot(data: JsonObject): JsonObject {
    return mapSnapshot(data, this.#unpack);
  }

  // --- writing ------------------------------------------------------------------------------------

  /** The names, once for all files (F1); also of those that stood there: their writer may have died before. */
  #writing<T>(body: () => T): T {
    this.#filesWritten = false;
    const result = body();
    if (this.#filesWritten) this.#disk.syncNow(this.#directory);
    return result;
  }

  readonly #inline = (value: Json): Json => this.#pack(value, 0).value;

  #pack(value: Json, depth: number): Packed {
    if (typeof value === 'string') return this.#packText(value);
    if (typeof value !== 'object' || value === null) return { value, bytes: 8, files: NONE };
    const known = this.#objects.get(value);
    if (known?.files.every((file) => this.#isThere(file)) === true) return known;
    const packed = this.#cut(depth < DEPTH ? this.#packInside(value, depth) : asText(value));
    if (packed.bytes >= REMEMBERED_BYTES || packed.files.length > 0) this.#objects.set(value, packed);
    return packed;
  }

  #packText(value: string): Packed {
    if (value.length * 3 <= INLINE_LIMIT_BYTES) return { value, bytes: value.length + 2, files: NONE };
    const known = this.#texts.get(value);
    if (known?.files.every((file) => this.#isThere(file)) === true) return known;
    const packed = this.#cut({ value, bytes: Buffer.byteLength(value) + 2, files: NONE });
    this.#texts.set(value, packed);
    if (this.#texts.size > TEXTS) this.#texts.delete(this.#texts.keys().next().value ?? '');
    return packed;
  }

  #packInside(value: Json[] | JsonObject, depth: number): Packed {
    let bytes = 2;
    let files = NONE;
    let isChanged = false;
    const pack = (inner: Json): Json => {
      const packed = this.#pack(inner, depth + 1);
      bytes += packed.bytes + 1;
      if (packed.files.length > 0) files = [...files, ...packed.files];
      isChanged ||= packed.value !== inner;
      return packed.value;
    };
    if (Array.isArray(value)) {
      const items = value.map(pack);
      return { value: isChanged ? items : value, bytes, files };
    }
    const entries = Object.entries(value).map(([key, inner]): [string, Json] => {
      bytes += key.length + 3;
      return [key, pack(inner)];
    });
    const inside = isChanged ? Object.fromEntries(entries) : value;
    return isMarked(value) ? { value: { [MARKER]: { value: inside } }, bytes, files } : { value: inside, bytes, files };
  }

  /** What is too large goes to a file of its own. */
  #cut(packed: Packed): Packed {
    if (packed.bytes <= INLINE_LIMIT_BYTES) return packed;
    const bytes = Buffer.from(JSON.stringify(packed.value));
    if (bytes.length <= INLINE_LIMIT_BYTES) return packed;
    const file = { name: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.length };
    this.#filesWritten = true;
    if (!this.#isThere(file)) {
      this.#disk.makeDirectory(this.#directory);
      replaceFileSyncedNow(this.#disk, this.#pathOf(file.name), bytes);
    }
    return { value: { [MARKER]: file.name }, bytes: MARKER_BYTES, files: [...packed.files, file] };
  }

  #isThere({ name, bytes }: Named): boolean {
    const there = this.#disk.stat(this.#pathOf(name));
    return there?.isFile === true && there.size === bytes;
  }

  #pathOf(name: string): string {
    return join(this.#directory, `${name}.json`);
  }

  // --- reading ------------------------------------------------------------------------------------

  readonly #unpack = (value: Json): Json => {
    if (!isMarked(value)) return this.#unpackInside(value);
    const marked = value[MARKER];
    if (isObject(marked) && typeof marked['text'] === 'string') return JSON.parse(marked['text']) as Json;
    if (isObject(marked)) return this.#unpackInside(marked['value'] ?? null);
    return typeof marked === 'string' && SHA256.test(marked) ? this.#resolve(marked) : null;
  };

  #unpackInside(value: Json): Json {
    if (typeof value !== 'object' || value === null) return value;
    let isChanged = false;
    const unpack = (inner: Json): Json => {
      const outer = this.#unpack(inner);
      isChanged ||= outer !== inner;
      return outer;
    };
    if (Array.isArray(value)) {
      const items = value.map(unpack);
      return isChanged ? items : value;
    }
    const entries = Object.entries(value).map(([key, inner]): [string, Json] => [key, unpack(inner)]);
    return isChanged ? Object.fromEntries(entries) : value;
  }

  #resolve(hash: string): Json {
    const known = this.#read.get(hash);
    if (known !== undefined) return known;
    const value = this.#unpack(this.#readFile(hash));
    this.#read.set(hash, value);
    return value;
  }

  #readFile(hash: string): Json {
    const name = `${hash}.json`;
    try {
      const bytes = this.#disk.read(this.#pathOf(hash), Number.MAX_SAFE_INTEGER);
      if (bytes !== null && createHash('sha256').update(bytes).digest('hex') === hash) {
        return JSON.parse(bytes.toString('utf8')) as Json;
      }
      const found = bytes === null ? 'nothing' : 'other content';
      this.#note(name, `data/${name}: expected the data of this hash, found ${found}; it reads as null`);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#note(name, `data/${name}: cannot be read (${reason}); it reads as null`);
    }
    return null;
  }
}

function asText(value: Json): Packed {
  const text = JSON.stringify(value);
  return { value: { [MARKER]: { text } }, bytes: Buffer.byteLength(text) * 2, files: NONE };
}
