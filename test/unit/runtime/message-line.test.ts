import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Line, LineSplitter, MESSAGE_LIMIT_BYTES } from '../../../runtime/message-line.ts';

/** In pieces of these sizes, again and again. */
function split(bytes: Buffer, sizes: readonly number[]): Line[] {
  const splitter = new LineSplitter();
  const lines: Line[] = [];
  for (let from = 0, turn = 0; from < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    lines.push(...splitter.add(bytes.subarray(from, from + size)));
    from += size;
  }
  const rest = splitter.end();
  return rest === null ? lines : [...lines, rest];
}

describe('lines of a stream', () => {
  test('are the same, however the bytes come', () => {
    const text = fc.array(fc.constantFrom('', 'a', '{"x":1}', 'ü', '\r', '\n'), { maxLength: 40 });
    const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(text, sizes, (parts, cuts) => {
        const whole = parts.join('');
        const wanted = whole.endsWith('\n') || whole === '' ? whole.split('\n').slice(0, -1) : whole.split('\n');
        const found = split(Buffer.from(whole), cuts);
        expect(found.map(({ line }) => line.toString())).toEqual(wanted);
        expect(found.map(({ size }) => size)).toEqual(wanted.map((line) => Buffer.byteLength(line)));
      }),
    );
  });

  test('that are too long are cut, and the next one is whole', () => {
    const long = Buffer.alloc(MESSAGE_LIMIT_BYTES + 1, 'x');
    const [first, second] = split(Buffer.concat([long, Buffer.from('\nnext\n')]), [1024 * 1024]);
    expect(first).toMatchObject({ isCut: true, size: MESSAGE_LIMIT_BYTES + 1 });
    expect(first?.line.length).toBeLessThan(1024);
    expect(second?.line.toString()).toBe('next');
  });

  test('of exactly the limit are whole', () => {
    const [line] = split(Buffer.concat([Buffer.alloc(MESSAGE_LIMIT_BYTES, 'x'), Buffer.from('\n')]), [1024 * 1024]);
    expect(line).toMatchObject({ isCut: false, size: MESSAGE_LIMIT_BYTES });
  });
});
