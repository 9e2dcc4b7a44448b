// The log of an attempt that a host keeps: what is printed goes there with secrets masked.
//
// A secret may arrive in two pieces; so the bytes that could begin one are held back until more comes or the attempt ends.

import type { Disk } from '../store/file/disk.ts';

const MASK = Buffer.from('***');
/** Shorter ones would mask half of any text, and protect nothing. */
const SHORTEST_SECRET = 4;

export class HostLog {
  readonly #disk: Disk;
  readonly #path: string;
  /** Null when it cannot be written: that costs a log, not the attempt. */
  #handle: number | null;
  /** Longest first, so that one that contains another is masked whole. */
  readonly #secrets: readonly Buffer[];
  #held: Buffer = Buffer.alloc(0);

  constructor(disk: Disk, path: string, secrets: readonly string[]) {
    this.#disk = disk;
    this.#path = path;
    try {
      this.#handle = disk.openAppend(path);
    } catch {
      this.#handle = null;
    }
    this.#secrets = forms(secrets)
      .map((secret) => Buffer.from(secret))
      .sort((a, b) => b.length - a.length);
  }

  write(data: string | Uint8Array): void {
    if (this.#handle === null) return;
    const bytes = Buffer.from(data as Uint8Array);
    if (this.#secrets.length === 0) return this.#append(bytes);
    const all = Buffer.concat([this.#held, bytes]);
    const end = this.#safeEnd(all);
    this.#held = all.subarray(end);
    this.#append(this.#maskBytes(all.subarray(0, end)));
  }

  mask(text: string): string {
    return this.#secrets.length === 0 ? text : this.#maskBytes(Buffer.from(text)).toString();
  }

  close(): void {
    this.#append(this.#maskBytes(this.#held));
    if (this.#handle !== null) this.#disk.close(this.#handle);
    this.#handle = null;
  }

  #append(bytes: Uint8Array): void {
    try {
      if (bytes.length > 0 && this.#handle !== null) this.#disk.append(this.#handle, this.#path, bytes);
    } catch {
      // A full disk costs lines; a program that writes its log itself would go on too.
    }
  }

  #maskBytes(bytes: Buffer): Buffer {
    let masked = bytes;
    for (const secret of this.#secrets) {
      const parts: Buffer[] = [];
      let from = 0;
      for (let at = masked.indexOf(secret); at >= 0; at = masked.indexOf(secret, from)) {
        parts.push(masked.subarray(from, at), MASK);
        from = at + secret.length;
      }
      if (from > 0) masked = Buffer.concat([...parts, masked.subarray(from)]);
    }
    return masked;
  }

  /** Where the part ends that no byte to come can make a secret of, nor a longer one. */
  #safeEnd(bytes: Buffer): number {
    let end = bytes.length;
    for (const secret of this.#secrets) {
      for (let length = Math.min(secret.length - 1, bytes.length); length > bytes.length - end; length -= 1) {
        if (bytes.subarray(bytes.length - length).equals(secret.subarray(0, length))) end = bytes.length - length;
      }
    }
    // A secret that lies across the end is not cut in two.
    for (const secret of this.#secrets) {
      const from = Math.max(end - secret.length + 1, 0);
      const at = end === bytes.length ? -1 : bytes.indexOf(secret, from);
      if (at >= 0 && at < end) end = at;
    }
    return end;
  }
}

/** A secret of many lines is masked line by line, since programs print it so; and as JSON and URLs write it. */
function forms(secrets: readonly string[]): string[] {
  const all = secrets.flatMap((secret) => [
    secret,
    ...secret.split('\n'),
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
  ]);
  return [...new Set(all.map((form) => form.trim()))].filter((form) => form.length >= SHORTEST_SECRET);
}
