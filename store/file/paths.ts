// Where everything stands under state/, and how names become file names. Paths are built here and nowhere else,
// only from admitted names, uids and encoded ids, so none can leave the directory.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Kind } from '../../manifests/model.ts';
import type { RunRef } from '../store.ts';

const DESIRED_DIRECTORY: Readonly<Record<Kind, string>> = {
  Workflow: 'workflows',
  WorkflowRun: 'workflowruns',
  Task: 'tasks',
  Signal: 'signals',
};

const PLAIN_ID = /^[A-Za-z0-9_-]{1,80}$/;

/**
 * A node id as a file name: itself when it is `[A-Za-z0-9_-]{1,80}`, else 60 safe characters of it, `~` and 16 hex digits of its SHA-256.
 */
export function encodeId(id: string): string {
  if (PLAIN_ID.test(id)) return id;
  const safe = id.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 60);
  return `${safe}~${createHash('sha256').update(id).digest('hex').slice(0, 16)}`;
}

export class Paths {
  readonly root: string;
  constructor(root: string) {
    this.root = root;
  }

  desired(kind: Kind): string {
    return join(this.root, DESIRED_DIRECTORY[kind]);
  }
  get changes(): string {
    return join(this.root, 'changes');
  }
  meta(kind: Kind): string {
    return join(this.root, 'meta', kind);
  }
  get runs(): string {
    return join(this.root, 'runs');
  }
  /** NAME.UID8: a name that is deleted and made again never meets the files of the old one. */
  run(ref: RunRef): string {
    return join(this.root, 'runs', `${ref.name}.${ref.uid.slice(0, 8)}`);
  }
  get leases(): string {
    return join(this.root, 'leases');
  }
  inbox(worker: string): string {
    return join(this.root, 'leases', worker);
  }
  get controller(): string {
    return join(this.root, 'controller');
  }
  get workers(): string {
    return join(this.root, 'workers');
  }
  get quarantine(): string {
    return join(this.root, 'quarantine');
  }
  get keys(): string {
    return join(this.root, 'keys');
  }
  get endpoint(): string {
    return join(this.root, 'endpoint.json');
  }
  get format(): string {
    return join(this.root, 'format.json');
  }
}
