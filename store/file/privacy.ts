// Who may write to a state directory: whoever can, can run commands as the user of the workers.
//
// V1  a directory that its group or others may write to, or that belongs to somebody else, is refused; nothing in it is touched.
// V2  one in which nothing has been run yet, as a checkout or a mount makes it, is closed to the others instead.

import { StoreError } from '../../kernel/errors.ts';
import type { Disk } from './disk.ts';
import type { Paths } from './paths.ts';

const PRIVATE = 0o700;
const WRITABLE_BY_OTHERS = 0o022;
const ROOT = 0;
/** What may stand in a directory before its first start. */
const FIRST_FILES = new Set(['README.md', '.gitignore', 'workflows', 'workflowruns', 'tasks', 'signals']);

/** `uid` is the user of this process; root may use what belongs to others. */
export function checkPrivate(disk: Disk, paths: Paths, uid: number): void {
  // Whatever link leads there.
  const root = disk.realPath(paths.root);
  const found = disk.stat(root);
  if (found === null) return;
  const refuse = (message: string): StoreError =>
    new StoreError('Unavailable', root, `state directory "${root}": ${message}`);
  if (uid !== ROOT && found.uid !== uid && found.uid !== ROOT) {
    throw refuse(`expected one of this user (uid ${uid}), found one of uid ${found.uid}`);
  }
  if ((found.mode & WRITABLE_BY_OTHERS) === 0) return;
  const isOurs = uid === ROOT || found.uid === uid;
  if (isOurs && disk.names(root).every((name) => FIRST_FILES.has(name))) {
    disk.changeMode(root, PRIVATE);
    return;
  }
  const mode = found.mode.toString(8).padStart(3, '0');
  throw refuse(`expected one that only its owner may write to, found mode ${mode}; \`chmod 700 ${root}\` closes it`);
}
