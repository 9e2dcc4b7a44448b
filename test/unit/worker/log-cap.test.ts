import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Disk } from '../../../store/file/disk.ts';
import { capLog } from '../../../worker/log-cap.ts';
import { HostLog } from '../../../worker/host-log.ts';

describe('a log', () => {
  let directory: string;
  beforeEach(() => {
    directory = fs.mkdtempSync(join(tmpdir(), 'oarlock-log-'));
  });
  afterEach(() => fs.rmSync(directory, { recursive: true }));
  const path = (): string => join(directory, 'log');
  const read = (): string => fs.readFileSync(path(), 'utf8');

  test('within its limit stays as it is', () => {
    fs.writeFileSync(path(), 'x'.repeat(100));
    expect(capLog(new Disk(), path(), 100, 20)).toBe(false);
    expect(read()).toBe('x'.repeat(100));
    expect(capLog(new Disk(), join(directory, 'missing'), 100, 20)).toBe(false);
  });

  test('beyond it keeps head and tail, and says how much was cut between them', () => {
    const lines = Array.from({ length: 30 }, (_, index) => `line ${index}\n`).join('');
    fs.writeFileSync(path(), lines);
    expect(capLog(new Disk(), path(), 100, 20)).toBe(true);
    const [head = '', tail = ''] = read().split(
      /\noarlock: \d+ bytes were cut here, the log is limited to 100 bytes\n/,
    );
    expect(lines.startsWith(head)).toBe(true);
    expect(head).toHaveLength(20);
    expect(tail).toBe('line 28\nline 29\n');
    const cut = Number(/oarlock: (\d+) bytes/.exec(read())?.[1]);
    expect(head.length + cut + tail.length).toBe(lines.length);
  });

  test('may be cut while somebody writes to its end', () => {
    const writer = fs.openSync(path(), 'a');
    fs.writeSync(writer, 'x'.repeat(500));
    capLog(new Disk(), path(), 100, 20);
    fs.writeSync(writer, 'after\n');
    expect(read().endsWith('after\n')).toBe(true);
    expect(fs.statSync(path()).size).toBeLessThan(200);
    fs.closeSync(writer);
  });

  const secrets = ['s3cret', 's3cret-longer', 'two\nlines here', 'a"quoted"b', 'x'];
  test.each([
    { name: 'whole', pieces: ['the s3cret is out'], log: 'the *** is out' },
    { name: 'the longer one first', pieces: ['s3cret-longer'], log: '***' },
    { name: 'cut at each byte', pieces: 'a s3cret-longer b'.split(''), log: 'a *** b' },
    { name: 'one that begins in another', pieces: ['two', '\nlines', ' here and s3', 'cret'], log: '*** and ***' },
    { name: 'a beginning that comes to nothing', pieces: ['s3cre', 't', ' s3cr'], log: '*** s3cr' },
    { name: 'each line of one with several', pieces: ['lines here'], log: '***' },
    { name: 'as JSON writes it', pieces: [JSON.stringify({ key: 'a"quoted"b' })], log: '{"key":"***"}' },
    { name: 'as an address writes it', pieces: [`?key=${encodeURIComponent('a"quoted"b')}&x=1`], log: '?key=***&x=1' },
    { name: 'not one that is too short to be one', pieces: ['x marks the spot'], log: 'x marks the spot' },
  ])('holds no secret: $name', ({ pieces, log }) => {
    const masked = new HostLog(new Disk(), path(), secrets);
    for (const piece of pieces) masked.write(piece);
    masked.close();
    expect(read()).toBe(log);
  });
});
