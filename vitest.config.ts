import { defineConfig } from 'vitest/config';

// Two projects, one after the other: `unit` shares a process for each core and its modules (fast; hence no module-level state in
// the sources), `process` starts real engines, kills them, and gets a process of its own a file.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'test/contract/**/*.test.ts', 'test/tidy.test.ts'],
          isolate: false,
          maxWorkers: '100%',
          sequence: { groupOrder: 0 },
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'process',
          include: ['test/{crash,conformance,e2e}/**/*.test.ts'],
          pool: 'forks',
          // Most of such a test is waiting.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
