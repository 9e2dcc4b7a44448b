// What stands in a file's place may be a pipe: an open of it must not wait for somebody at its other end.

import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Disk } from '../../../store/file/disk.ts';

const disk = new Disk();
let root: string;
let pipe: string;
beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), 'oarlock-disk-'));
  pipe = join(root, 'pipe');
  execFileSync('mkfifo', [pipe]);
});
afterEach(() => fs.rmSync(root, { recursive: true }));

test('a pipe is neither read nor synced, and nobody waits', async () => {
  expect(() => disk.read(pipe)).toThrow('expected a regular file');
  expect(() => disk.readRange(pipe, 0, 1)).toThrow();
  expect(() => disk.syncNow(pipe)).toThrow('EINVAL');
  await expect(disk.sync(pipe)).rejects.toThrow('EINVAL');
});

test('a directory is synced', async () => {
  disk.syncNow(root);
  await disk.sync(root);
  expect(disk.names(root)).toEqual(['pipe']);
});
