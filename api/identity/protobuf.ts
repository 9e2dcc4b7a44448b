// The few fields of Kubernetes' protobuf messages that kubectl's typed verbs send: from 1.32 on they post nothing else.
//
// B1  any bytes are either read or refused; nothing is taken on trust, and the work is linear in their number.

const MAGIC = Buffer.from('k8s\0');

/** Fields of a message: number -> values; numbers for varints, bytes for the rest. */
export type Message = ReadonlyMap<number, readonly (number | Buffer)[]>;

/** The object inside the envelope, null when these bytes are none. */
export function readEnvelope(bytes: Buffer): { kind: string; object: Message } | null {
  if (!bytes.subarray(0, 4).equals(MAGIC)) return null;
  const envelope = readMessage(bytes.subarray(4));
  const type = envelope === null ? null : readMessage(bytesAt(envelope, 1));
  const object = envelope === null ? null : readMessage(bytesAt(envelope, 2));
  return type === null || object === null ? null : { kind: textAt(type, 2), object };
}

export function messageAt(message: Message, field: number): Message {
  return readMessage(bytesAt(message, field)) ?? new Map();
}

export function textAt(message: Message, field: number): string {
  return bytesAt(message, field).toString();
}

function bytesAt(message: Message, field: number): Buffer {
  const value = message.get(field)?.at(-1);
  return Buffer.isBuffer(value) ? value : Buffer.alloc(0);
}

function readMessage(bytes: Buffer): Message | null {
  const fields = new Map<number, (number | Buffer)[]>();
  for (let at = 0; at < bytes.length; ) {
    const tag = readVarint(bytes, at);
    if (tag === null) return null;
    const field = Math.floor(tag.value / 8);
    const read = readValue(bytes, tag.next, tag.value % 8);
    if (read === null || field === 0) return null;
    const values = fields.get(field) ?? [];
    fields.set(field, values);
    values.push(read.value);
    at = read.next;
  }
  return fields;
}

function readValue(bytes: Buffer, at: number, wire: number): { value: number | Buffer; next: number } | null {
  if (wire === 0) return readVarint(bytes, at);
  const length = wire === 2 ? readVarint(bytes, at) : { value: wire === 1 ? 8 : 4, next: at };
  if (length === null || (wire !== 1 && wire !== 2 && wire !== 5)) return null;
  const next = length.next + length.value;
  return next > bytes.length ? null : { value: bytes.subarray(length.next, next), next };
}

function readVarint(bytes: Buffer, at: number): { value: number; next: number } | null {
  let value = 0;
  for (let index = 0; index < 8; index += 1) {
    const byte = bytes[at + index];
    if (byte === undefined) return null;
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return { value, next: at + index + 1 };
  }
  return null;
}
