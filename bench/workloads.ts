// The workloads, as graphs: each is written as a manifest for us, as build.ninja and as a Makefile for the peers.
//
// Every task is `true` through a shell. Ninja and make get an output file that is never made, so that they run everything each time.

export interface Workload {
  readonly name: string;
  readonly tasks: readonly { readonly id: string; readonly dependencies: readonly string[] }[];
}

export function independent(count: number): Workload {
  return {
    name: `${count} independent`,
    tasks: Array.from({ length: count }, (_, at) => ({ id: `t${at}`, dependencies: [] })),
  };
}

export function chain(count: number): Workload {
  const tasks = Array.from({ length: count }, (_, at) => ({
    id: `t${at}`,
    dependencies: at === 0 ? [] : [`t${at - 1}`],
  }));
  return { name: `chain of ${count}`, tasks };
}

/** Each task after two or three of the layer before. */
export function layers(depth: number, width: number): Workload {
  const id = (layer: number, at: number): string => `l${layer}_${at}`;
  const tasks = Array.from({ length: depth * width }, (_, index) => {
    const layer = Math.floor(index / width);
    const at = index % width;
    const before = [at, (at * 7 + 3) % width, (at * 13 + layer) % width].slice(0, 2 + (at % 2));
    return {
      id: id(layer, at),
      dependencies: layer === 0 ? [] : [...new Set(before)].map((other) => id(layer - 1, other)),
    };
  });
  return { name: `${depth} layers of ${width}`, tasks };
}

export function asManifest({ name, tasks }: Workload): string {
  const metadata = { name: name.replaceAll(' ', '-') };
  const spec = { tasks: tasks.map((task) => ({ ...task, command: 'true' })) };
  return JSON.stringify({ apiVersion: 'oarlock.dev/v1', kind: 'Workflow', metadata, spec });
}

export function asNinja({ tasks }: Workload): string {
  const builds = tasks.map(({ id, dependencies }) => `build ${id}: t ${dependencies.join(' ')}`);
  return ['rule t', '  command = true', ...builds, ''].join('\n');
}

export function asMakefile({ tasks }: Workload): string {
  const all = tasks.map(({ id }) => id).join(' ');
  // A recipe that a shell must run: make itself would skip the shell for a bare command.
  const rules = tasks.map(({ id, dependencies }) => `${id}: ${dependencies.join(' ')}\n\t@true;`);
  return [`all: ${all}`, `.PHONY: all ${all}`, ...rules, ''].join('\n');
}
