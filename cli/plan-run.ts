// From what the user named to a run: a file is applied, references are checked, and the run is created under a free name.
//
// Does not own: following it (verbs/run.ts). Nothing is created when what the run refers to is not there.

import { resolve } from 'node:path';
import { StoreError } from '../kernel/errors.ts';
import type { Json, JsonObject } from '../kernel/json.ts';
import { API_VERSION, type Manifest, type Resource } from '../manifests/model.ts';
import { inputKind } from '../store/file/input.ts';
import type { Store } from '../store/store.ts';
import { applyManifest } from './apply-manifest.ts';
import { compileRun } from './compile-run.ts';
import { missingFile, readDocuments } from './documents.ts';
import { Failure } from './failure.ts';
import { nameOf } from './kinds.ts';
import type { Session } from './session.ts';

export interface PlanOptions {
  readonly target: string;
  readonly input: Json | undefined;
  readonly name: string | undefined;
}

export interface RunPlan {
  /** Null: made up from the workflow's name. */
  readonly name: string | null;
  /** What a made-up name begins with. */
  readonly stem: string;
  readonly spec: JsonObject;
  readonly metadata?: Omit<Manifest['metadata'], 'name'>;
}

const GENERATED_DIGITS = 5;
const NAME_LIMIT = 200;

/** Applies what has to be applied and says what the run will be. */
export async function planRun(session: Session, store: Store, options: PlanOptions): Promise<RunPlan> {
  const plan = isFile(session, options.target)
    ? await planFile(session, store, options)
    : await planWorkflow(store, options);
  // A run that can never start would be waited for in vain.
  await compileRun(store, plan.stem, plan.spec);
  return plan;
}

function isFile(session: Session, target: string): boolean {
  if (target === '-') return true;
  const found = inputKind(resolve(session.io.workingDir, target));
  if (found === 'file') return true;
  const looksLikeFile = /[/\\]|\.(ya?ml|json)$/i.test(target);
  if (found === 'directory' && looksLikeFile) throw new Failure(2, `${target}: expected a file, found a directory`);
  if (looksLikeFile) throw missingFile(target);
  return false;
}

async function planWorkflow(store: Store, { target, input, name }: PlanOptions): Promise<RunPlan> {
  if ((await store.resources.get('Workflow', target)) === null) {
    throw new Failure(
      1,
      `no workflow "${target}", and no file of that name`,
      '`oarlock get workflows` lists workflows',
    );
  }
  const spec = { workflowRef: { name: target }, ...(input === undefined ? {} : { input }) };
  return { name: name ?? null, stem: target, spec };
}

async function planFile(session: Session, store: Store, { target, input, name }: PlanOptions): Promise<RunPlan> {
  const documents = await readDocuments(session, { files: [target], isRecursive: false, name: undefined });
  const runnable = documents.filter(({ manifest }) => manifest.kind === 'Workflow' || manifest.kind === 'WorkflowRun');
  const [main, second] =
    runnable.length > 1 ? runnable.filter(({ manifest }) => manifest.kind === 'WorkflowRun') : runnable;
  if (main === undefined || second !== undefined) {
    const found = runnable.map(({ manifest }) => nameOf(manifest.kind, manifest.metadata.name));
    const told = found.length === 0 ? 'none' : found.join(', ');
    throw new Failure(2, `${target}: expected one Workflow or one WorkflowRun, found ${told}`);
  }
  for (const document of documents) {
    if (document.manifest.kind === 'WorkflowRun') continue;
    const { object, result } = await applyManifest(store, document);
    if (result !== 'unchanged') session.say(`${nameOf(object.kind, object.metadata.name)} ${result}`);
  }
  const { manifest } = main;
  const given = input === undefined ? {} : { input };
  if (manifest.kind === 'Workflow') {
    const workflow = manifest.metadata.name;
    return { name: name ?? null, stem: workflow, spec: { workflowRef: { name: workflow }, ...given } };
  }
  const { name: written, ...metadata } = manifest.metadata;
  return { name: name ?? written, stem: written, spec: { ...manifest.spec, ...given }, metadata };
}

export async function createRun(session: Session, store: Store, plan: RunPlan): Promise<Resource> {
  const { admitValue } = await import('../manifests/admit.ts');
  for (;;) {
    const stem = plan.stem.slice(0, NAME_LIMIT - GENERATED_DIGITS - 1);
    const name = plan.name ?? `${stem}-${await session.randomHex(GENERATED_DIGITS)}`;
    const document = {
      apiVersion: API_VERSION,
      kind: 'WorkflowRun',
      metadata: { ...plan.metadata, name },
      spec: plan.spec,
    };
    // A bad name or input came from the command line.
    const { manifest } = admitValue(document, { name: 'run' });
    try {
      return await store.resources.create(manifest);
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'AlreadyExists') throw error;
      if (plan.name !== null) {
        throw new Failure(1, `run "${name}" exists already`, 'give another --name, or none');
      }
    }
  }
}
