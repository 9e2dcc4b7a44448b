// The services of the order workflow, played: what each does follows from the order alone, so that every end can be shown.
//
// Each takes the order and returns it with what it adds, because the output of a state is the input of the next.

function failure(name, message) {
  const error = new Error(message);
  error.name = name;
  return error;
}

/** `outages`: so many attempts find the service away. */
export function validateOrder({ input: order, attempt, log }) {
  if (attempt <= (order.outages ?? 0)) throw failure('ServiceUnavailable', `attempt ${attempt}: the service is away`);
  if (order.items.length === 0) throw failure('ValidationError', `order ${order.orderId} has no items`);
  log(`order ${order.orderId} is valid`);
  return { ...order, valid: true };
}

export function checkInventory({ input: order }) {
  return { ...order, inventoryAvailable: order.items.every((item) => item.sku !== 'unicorn') };
}

/** `warehouse: asleep`: there is no answer in time. */
export async function reserveInventory({ input: order, signal }) {
  if (order.warehouse === 'asleep') {
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, 600_000);
      signal.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
  return { ...order, reserved: true };
}

/** The key is the same for every attempt: a real service charges once under it. */
export function charge({ input: order, key }) {
  if (order.card === 'declined') throw failure('PaymentError', `the card for order ${order.orderId} was declined`);
  return { ...order, charged: order.total, chargeKey: key };
}

export function ship({ input: order }) {
  return { ...order, tracking: `PARCEL-${order.orderId}` };
}

export function notifyBackorder({ input: order, log }) {
  log(`order ${order.orderId}: the customer was told to wait`);
  return { ...order, notified: true };
}

export function reverse({ input: order }) {
  return { ...order, reversed: true };
}
