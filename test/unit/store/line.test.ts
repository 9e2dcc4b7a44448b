import { describe, expect, test } from 'vitest';
import { decodeLine, encodeLine, headOf } from '../../../store/file/line.ts';

const EVENT = { type: 'RetryDue', at: 1, time: 2, nodes: ['A', 'ü "quoted" \\ \u2028'] };

function bytesOf(text: string): Buffer {
  return Buffer.from(text.slice(0, -1));
}

describe('a line of a journal', () => {
  test('is JSON for everybody, with number, epoch and checksum', () => {
    const line = encodeLine(7, 3, JSON.stringify(EVENT), {});
    expect(line.endsWith('}\n')).toBe(true);
    expect(JSON.parse(line)).toEqual({ seq: 7, epoch: 3, ...EVENT, crc: expect.stringMatching(/^[0-9a-f]{8}$/) });
  });

  test('comes back as it was', () => {
    const line = encodeLine(7, 3, JSON.stringify(EVENT), {});
    expect(decodeLine(bytesOf(line))).toEqual({ seq: 7, epoch: 3, event: EVENT });
  });

  test('as the first one also says what it follows, the format and the run', () => {
    const line = encodeLine(1, 3, JSON.stringify(EVENT), { follows: 2, uid: 'a"b' });
    expect(decodeLine(bytesOf(line))).toEqual({ seq: 1, epoch: 3, follows: 2, uid: 'a"b', event: EVENT });
    expect(headOf(Buffer.from(line).subarray(0, 80))).toEqual({ seq: 1, uid: 'a"b' });
  });

  test('is refused when any single bit of it is another', () => {
    const whole = bytesOf(encodeLine(12, 3, JSON.stringify(EVENT), { follows: 2, uid: 'uid' }));
    for (let bit = 0; bit < whole.length * 8; bit += 1) {
      const flipped = Buffer.from(whole);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(decodeLine(flipped), `bit ${bit}`).toBeTypeOf('string');
    }
  });

  test('is refused when it is cut anywhere', () => {
    const whole = bytesOf(encodeLine(12, 3, JSON.stringify(EVENT), {}));
    for (let length = 0; length < whole.length; length += 1) {
      expect(decodeLine(whole.subarray(0, length)), `${length} bytes`).toBeTypeOf('string');
    }
  });

  test('of a newer version is refused by its format', () => {
    const newer = encodeLine(1, 1, JSON.stringify({ format: 2, uid: 'x', ...EVENT }), {});
    expect(decodeLine(bytesOf(newer))).toBe('format is 2, expected 1: it was written by another version');
  });
});
