// Finds connectors by name: those that come with the engine, else a module of the user's folder.
//
// A user's connector is DIR/NAME.mjs or DIR/NAME.js, with a default export that is given the words of connector.ts and returns a class:
// so it needs no path to this package. Names of shipped connectors are reserved. Modules are read when first named, never before; one
// that was changed is read anew.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Action, action, Connector, ConnectorError, invalidInput } from './connector.ts';
import { listNames, modifiedAt } from './files.ts';

const SHIPPED: ReadonlyMap<string, () => Promise<Connector>> = new Map<string, () => Promise<Connector>>([
  ['email', async () => new (await import('./email/email.ts')).EmailConnector()],
  ['file', async () => new (await import('./file.ts')).FileConnector()],
  ['http', async () => new (await import('./http.ts')).HttpConnector()],
  ['postgres', async () => new (await import('./postgres/postgres.ts')).PostgresConnector()],
  ['purchaseOrder', async () => new (await import('./purchase-order/purchase-order.ts')).PurchaseOrderConnector()],
]);

export const SHIPPED_NAMES: readonly string[] = [...SHIPPED.keys()];

const MODULE = /^([A-Za-z][A-Za-z0-9_-]*)\.m?js$/;

/** The action NAME.ACTION; `folder` is that of the user's connectors, which need not exist. */
export async function findAction(name: string, folder: string): Promise<Action> {
  const dot = name.indexOf('.');
  const connectorName = name.slice(0, dot);
  const actionName = name.slice(dot + 1);
  const connector = await findConnector(connectorName, folder);
  if (Object.hasOwn(connector.actions, actionName)) {
    const found = connector.actions[actionName];
    if (found !== undefined) return found;
  }
  const names = Object.keys(connector.actions).sort().join(', ');
  throw unknown(`connector ${connectorName}: expected one of its actions (${names}), found ${actionName}`);
}

async function findConnector(name: string, folder: string): Promise<Connector> {
  const shipped = SHIPPED.get(name);
  if (shipped !== undefined) return shipped();
  const files = await listNames(folder);
  const own = files.filter((file) => MODULE.test(file) && !SHIPPED.has(MODULE.exec(file)?.[1] ?? ''));
  const file = own.find((candidate) => MODULE.exec(candidate)?.[1] === name);
  if (file !== undefined) return load(join(folder, file));
  const names = [...SHIPPED.keys(), ...own.map((candidate) => MODULE.exec(candidate)?.[1] ?? '')].join(', ');
  throw unknown(`connector ${name}: expected one of ${names}, or a module ${name}.mjs in ${folder}`);
}

async function load(path: string): Promise<Connector> {
  const module = (await import(`${pathToFileURL(path).href}?v=${await modifiedAt(path)}`)) as Record<string, unknown>;
  const make = module['default'];
  const shape = 'expected a default export ({Connector, ConnectorError, action}) => class extends Connector';
  if (typeof make !== 'function') throw unknown(`${path}: ${shape}, found ${typeof make}`);
  const made: unknown = (make as (words: object) => unknown)({ Connector, ConnectorError, action, invalidInput });
  const isClass = typeof made === 'function' && made.prototype instanceof Connector;
  if (!isClass) throw unknown(`${path}: ${shape}, found a function that returns something else`);
  const connector = new (made as unknown as new () => Connector)();
  for (const [name, value] of Object.entries(connector.actions ?? {})) {
    if (typeof value?.run !== 'function' || typeof value.input !== 'object' || typeof value.output !== 'object')
      throw unknown(`${path}: action ${name}: expected {description, input, output, run}`);
  }
  if (Object.keys(connector.actions ?? {}).length === 0) throw unknown(`${path}: expected actions, found none`);
  return connector;
}

function unknown(message: string): ConnectorError {
  return new ConnectorError('UnknownConnector', message, 'permanent');
}
