// The keys of the API as files: state/keys/, 0700, and state/endpoint.json.
//
// K1  a key is written whole before it has its name, and is on the platter before anybody is told.
// K2  a directory or a key that others may read or write is refused, never used.

import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { StoreError } from '../../kernel/errors.ts';
import { isObject, type Json, textAt } from '../../kernel/json.ts';
import type { Endpoint, Keys } from '../store.ts';
import { Disk } from './disk.ts';
import { Paths } from './paths.ts';
import { Quarantine } from './quarantine.ts';
import { replaceFile, replaceFileSynced } from './replace.ts';

const LIMIT_BYTES = 1024 * 1024;
const PLAIN_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,120}$/;
const OTHERS = 0o077;

export function openFileKeys(root: string, disk: Disk = new Disk()): Keys {
  return new FileKeys(disk, new Paths(root));
}

class FileKeys implements Keys {
  readonly #disk: Disk;
  readonly #paths: Paths;

  constructor(disk: Disk, paths: Paths) {
    this.#disk = disk;
    this.#paths = paths;
    disk.makeDirectory(paths.keys);
    this.#refuseOpen(paths.keys);
  }

  async names(): Promise<string[]> {
    return this.#disk
      .names(this.#paths.keys)
      .filter((name) => PLAIN_NAME.test(name))
      .sort();
  }

  async read(name: string): Promise<string | null> {
    const path = this.#path(name);
    const bytes = this.#disk.read(path, LIMIT_BYTES);
    if (bytes === null) return null;
    this.#refuseOpen(path);
    return bytes.toString();
  }

  async create(name: string, text: string): Promise<boolean> {
    const path = this.#path(name);
    const temporary = join(this.#paths.keys, `.${name}.${randomBytes(6).toString('hex')}.tmp`);
    try {
      await this.#disk.createNewSynced(temporary, text);
      const isFirst = this.#disk.link(temporary, path);
      await this.#disk.sync(this.#paths.keys);
      return isFirst;
    } finally {
      this.#disk.unlink(temporary);
    }
  }

  async replace(name: string, text: string): Promise<void> {
    await replaceFileSynced(this.#disk, this.#path(name), text);
  }

  async remove(name: string): Promise<void> {
    this.#disk.unlink(this.#path(name));
  }

  async endpoint(): Promise<Endpoint | null> {
    if (this.#disk.stat(this.#paths.endpoint)?.isFile !== true) return null;
    const bytes = this.#disk.read(this.#paths.endpoint, LIMIT_BYTES);
    return bytes === null ? null : parseEndpoint(bytes.toString());
  }

  async setEndpoint(endpoint: Endpoint): Promise<void> {
    const { endpoint: path } = this.#paths;
    new Quarantine(this.#disk, this.#paths).clearWay(path, 'endpoint.json');
    replaceFile(this.#disk, path, `${JSON.stringify(endpoint, null, 2)}\n`);
  }

  async clearEndpoint(pid: number): Promise<void> {
    if ((await this.endpoint())?.pid === pid) this.#disk.unlink(this.#paths.endpoint);
  }

  #path(name: string): string {
    if (!PLAIN_NAME.test(name)) throw new Error(`key ${JSON.stringify(name)}: expected a plain file name`);
    return join(this.#paths.keys, name);
  }

  #refuseOpen(path: string): void {
    const mode = this.#disk.stat(path)?.mode ?? 0;
    if ((mode & OTHERS) === 0) return;
    const found = (mode & 0o777).toString(8).padStart(4, '0');
    const shown = path === this.#paths.keys ? 'keys' : join('keys', path.slice(dirname(path).length + 1));
    throw new StoreError('Unavailable', shown, `${path}: expected nobody else to have access, found mode ${found}`);
  }
}

/** Null when somebody spoiled it: whoever listens writes it again when it starts. */
function parseEndpoint(text: string): Endpoint | null {
  try {
    const value = JSON.parse(text) as Json;
    if (!isObject(value)) return null;
    const pid = typeof value['pid'] === 'number' ? value['pid'] : 0;
    return { url: textAt(value, 'url') || null, tlsUrl: textAt(value, 'tlsUrl') || null, pid };
  } catch {
    return null;
  }
}
