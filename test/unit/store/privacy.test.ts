// Who may write to a state directory, before anything is run from it.

import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Disk } from '../../../store/file/disk.ts';
import { Paths } from '../../../store/file/paths.ts';
import { checkPrivate } from '../../../store/file/privacy.ts';
import { openStore } from '../../../store/open.ts';

let root: string;
let owner: number;
beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), 'oarlock-privacy-'));
  owner = fs.statSync(root).uid;
});
afterEach(() => fs.rmSync(root, { recursive: true }));

const modeOf = (): string => (fs.statSync(root).mode & 0o7777).toString(8);
const check = (uid: number): void => checkPrivate(new Disk(), new Paths(root), uid);

interface Case {
  readonly name: string;
  readonly mode: number;
  readonly files?: readonly string[];
  /** Mode that it has after. */
  readonly becomes?: string;
  readonly refused?: RegExp;
}

const cases: readonly Case[] = [
  { name: 'of its owner alone is taken', mode: 0o700, files: ['format.json'], becomes: '700' },
  { name: 'that others may read is taken as it is', mode: 0o755, files: ['format.json'], becomes: '755' },
  { name: 'that its group may write to is refused', mode: 0o775, files: ['format.json'], refused: /found mode 775; / },
  { name: 'that all may write to is refused', mode: 0o777, files: ['format.json'], refused: /found mode 777; / },
  { name: 'like /tmp is refused', mode: 0o1777, files: ['somebody.sock'], refused: /found mode 1777; / },
  { name: 'that is new is closed', mode: 0o777, becomes: '700' },
  { name: 'as a checkout makes it is closed', mode: 0o775, files: ['README.md', 'workflows'], becomes: '700' },
];

describe('a state directory', () => {
  test.each(cases)('$name', ({ mode, files = [], becomes, refused }) => {
    for (const file of files) fs.writeFileSync(join(root, file), '');
    fs.chmodSync(root, mode);
    if (refused === undefined) check(owner);
    else expect(() => check(owner)).toThrow(refused);
    expect(modeOf()).toBe(becomes ?? mode.toString(8));
    expect(fs.readdirSync(root).sort()).toEqual([...files].sort());
  });

  test('behind a link is judged by what it leads to', () => {
    const link = `${root}-link`;
    fs.symlinkSync(root, link);
    try {
      checkPrivate(new Disk(), new Paths(link), owner);
      fs.writeFileSync(join(root, 'format.json'), '');
      fs.chmodSync(root, 0o777);
      expect(() => checkPrivate(new Disk(), new Paths(link), owner)).toThrow(/found mode 777/);
    } finally {
      fs.rmSync(link);
    }
  });

  test.each([
    { name: 'of another user is refused', uid: 4242, of: 4343, refused: true },
    { name: 'of root is taken', uid: 4242, of: 0, refused: false },
    { name: 'of anybody is taken by root', uid: 0, of: 4343, refused: false },
  ])('$name', ({ uid, of, refused }) => {
    const disk = new Disk();
    disk.stat = (path) => {
      const found = Disk.prototype.stat.call(disk, path);
      return found === null ? null : { ...found, uid: of };
    };
    const open = (): void => checkPrivate(disk, new Paths(root), uid);
    if (refused) expect(open).toThrow('expected one of this user (uid 4242), found one of uid 4343');
    else expect(open).not.toThrow();
  });

  test('that is refused is not opened, and nothing is made in it', async () => {
    fs.writeFileSync(join(root, 'mine.txt'), '');
    fs.chmodSync(root, 0o777);
    await expect(openStore(`file:${root}`)).rejects.toThrow(`\`chmod 700 ${root}\` closes it`);
    expect(fs.readdirSync(root)).toEqual(['mine.txt']);
  });
});
