import { execFileSync } from 'node:child_process';
import { appendFileSync, closeSync, constants, openSync, readSync } from 'node:fs';
import { createProcesses } from '../../runtime/processes.ts';
import { createMemoryLeases, MemoryLeasesPlace } from '../../store/memory/leases.ts';
import { SlotPlace } from '../support/slot-place.ts';
import { describeLeases, type SpeakingTask } from './leases-contract.ts';

describeLeases('memory', async () => {
  const place = new MemoryLeasesPlace();
  const processes = createProcesses();
  const open = () => createMemoryLeases(place, processes);
  return {
    handles: [open(), open()],
    bootId: processes.bootId(),
    task: async (worker, fence) => {
      place.listenTo(worker, fence);
      return {
        speak: (text) => place.speak(worker, fence, Buffer.from(text)),
        read: () => place.listenTo(worker, fence).toString(),
        end: () => undefined,
      };
    },
    dispose: async () => undefined,
  };
});

describeLeases('file', async () => {
  const place = new SlotPlace();
  return {
    handles: [place.leases(), place.leases()],
    bootId: place.processes.bootId(),
    task: async (worker, fence) => speakingTask(place.leases().places(worker, fence)),
    dispose: async () => place.dispose(),
  };
});

/** Its files as a slot makes them. */
function speakingTask({ messages, answers }: { messages: string; answers: string }): SpeakingTask {
  execFileSync('mkfifo', [answers]);
  const fifo = openSync(answers, constants.O_RDWR | constants.O_NONBLOCK);
  return {
    speak: (text) => appendFileSync(messages, text),
    read: () => {
      const buffer = Buffer.alloc(1024 * 1024);
      return buffer.toString('utf8', 0, readSync(fifo, buffer));
    },
    end: () => closeSync(fifo),
  };
}
