// `controller`: one process that decides for the state directory. A second one waits until the first is gone.

import type { ControllerSeat, Store } from '../../store/store.ts';
import type { ExitCode } from '../failure.ts';
import { untilStopped } from '../lifeline.ts';
import { controllerDeps, servingLog } from '../serve.ts';
import { hidePassword, type Session } from '../session.ts';

export async function controller(session: Session, options: { hasLifeline: boolean }): Promise<ExitCode> {
  const log = await servingLog(session, 'controller', options.hasLifeline);
  const stop = untilStopped(session.io, options.hasLifeline);
  const store = await session.store();
  for (;;) {
    const seat = await takeSeat(store, stop, () => log.info('another controller serves here; waiting for its seat'));
    if (seat === null) return 0;
    try {
      const [{ runController }, deps] = await Promise.all([
        import('../../controller/controller.ts'),
        controllerDeps(session, seat, log),
      ]);
      log.info('the controller has its seat', { epoch: seat.epoch, store: hidePassword(session.storeUrl) });
      await runController(deps, AbortSignal.any([stop, seat.lost]));
    } catch (error) {
      // What fails because the seat is lost is no failure of its own.
      if (!seat.lost.aborted) throw error;
    } finally {
      await seat.release();
    }
    if (stop.aborted) break;
    log.warn('the controller has lost its seat; it waits for the next');
  }
  log.info('the controller has ended');
  return 0;
}

/** Null when it was stopped before the seat became free. */
async function takeSeat(store: Store, stop: AbortSignal, sayThatItWaits: () => void): Promise<ControllerSeat | null> {
  for (let isFirst = true; !stop.aborted; isFirst = false) {
    const seat = await store.seats.takeController();
    if (seat !== null) return seat;
    if (isFirst) sayThatItWaits();
    await store.seats.controllerGone(stop);
  }
  return null;
}
