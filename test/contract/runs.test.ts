import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Json, JsonObject } from '../../kernel/json.ts';
import { createClock } from '../../runtime/clock.ts';
import { Disk } from '../../store/file/disk.ts';
import { Paths } from '../../store/file/paths.ts';
import { createFileRuns, type FileRuns } from '../../store/file/runs.ts';
import { createMemoryRuns, MemoryRunsPlace } from '../../store/memory/runs.ts';
import type { RunRef } from '../../store/store.ts';
import { describeRuns } from './runs-contract.ts';

function recorder(): {
  published: { ref: RunRef; status: Json }[];
  recordStatus: (ref: RunRef, status: JsonObject) => Promise<number>;
} {
  const published: { ref: RunRef; status: Json }[] = [];
  return {
    published,
    recordStatus: async (ref, status) => {
      published.push({ ref, status });
      return 0;
    },
  };
}

describeRuns('memory', async () => {
  const place = new MemoryRunsPlace();
  const { published, recordStatus } = recorder();
  const open = () =>
    createMemoryRuns({ place, recordStatus: async (ref, status) => void (await recordStatus(ref, status)) });
  return {
    handles: [open(), open()],
    writeLog: (ref, node, attempt, text) => place.writeLog(ref, node, attempt, Buffer.from(text)),
    published,
    dispose: async () => undefined,
  };
});

describeRuns('file', async () => {
  const root = mkdtempSync(join(tmpdir(), 'oarlock-runs-'));
  const { published, recordStatus } = recorder();
  const open = (): FileRuns =>
    createFileRuns({ disk: new Disk(), paths: new Paths(root), clock: createClock(0), recordStatus });
  const handles: [FileRuns, FileRuns] = [open(), open()];
  return {
    handles,
    writeLog: (ref, node, attempt, text) => appendFileSync(handles[0].places(ref).log(node, attempt), text),
    published,
    dispose: async () => {
      await Promise.all(handles.map((handle) => handle.close()));
      rmSync(root, { recursive: true });
    },
  };
});
