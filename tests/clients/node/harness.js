// What the programs for node share: scenarios that print a line each, and expectations that say what came instead.
import { inspect, isDeepStrictEqual } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';

export const port = Number(process.argv[2]);
const patienceMs = 30_000; // only what never comes reaches it

// Replies are waited for by the caller: a promise that nobody awaits fails the program.
export function expect(actual, wanted) {
  if (!isDeepStrictEqual(actual, wanted)) {
    const shown = (value) => inspect(value, { depth: 5, maxArrayLength: 20, maxStringLength: 100 });
    throw new Error(`got ${shown(actual)}, wanted ${shown(wanted)}`);
  }
}

// Several calls at once, as applications do: their replies in order.
export async function expectAll(calls, wanted) {
  expect(await Promise.all(calls), wanted);
}

export async function expectError(start, promise, kind = Error) {
  const [error, reply] = await promise.then((reply) => [null, reply], (error) => [error]);
  if (!(error instanceof kind) || !error.message.startsWith(start)) {
    throw new Error(`got ${inspect(error ?? reply)}, wanted the error '${start}'`);
  }
}

// The first true answer to the question, which is asked until there is one.
export async function eventually(question) {
  for (const deadline = Date.now() + patienceMs; ; await sleep(10)) {
    const answer = await question();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error('waited in vain');
  }
}

// What events bring, to be taken one by one.
export class Inbox {
  #items = [];

  put = (...item) => this.#items.push(item);

  async next() {
    await eventually(() => this.#items.length > 0);
    return this.#items.shift();
  }

  async nextOf(count) {
    const items = [];
    while (items.length < count) items.push(await this.next());
    return items;
  }
}

// Enough members for a table in every type.
export const manyNames = Array.from({ length: 1500 }, (_, i) => `member${i}`);

export function sorted(values) {
  return [...values].sort();
}

// Every byte there is, and what looks like protocol.
export const everyByte = Buffer.concat([Buffer.from([...Array(256).keys()]), Buffer.from('\r\n$-1\r\n\0')]);

// What waits for ever, such as a client that cannot connect, is a failure too.
async function inTime(promise) {
  const patience = new AbortController();
  const late = sleep(2 * patienceMs, null, { signal: patience.signal }).then(() => {
    throw new Error('did not end');
  });
  late.catch(() => {}); // aborted
  try {
    await Promise.race([promise, late]);
  } finally {
    patience.abort();
  }
}

// Runs all scenarios, each with a client of an empty server; tells whether none failed.
export async function run(clientName, scenarios, connect, close) {
  let failed = 0;
  for (const [name, scenario] of Object.entries(scenarios)) {
    const client = await connect();
    try {
      await (client.flushall ?? client.flushAll).call(client);
      await inTime(scenario(client));
      console.log(`ok      ${clientName}: ${name}`);
    } catch (error) {
      console.log(`${error.stack}\nFAILED  ${clientName}: ${name}: ${error.message}`);
      failed++;
    }
    await close(client);
  }
  return failed === 0;
}
