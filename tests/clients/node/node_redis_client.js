// node-redis against the server on the port that is given, in both versions of the protocol: node_redis_client.js PORT
import { createClient } from 'redis';
import { port, run } from './harness.js';
import { connections, resp3Only } from './node_redis_connections.js';
import { dataTypes } from './node_redis_data_types.js';

async function runWith(RESP, scenarios) {
  const connect = () => createClient({ socket: { port }, RESP }).on('error', () => {}).connect();
  return run(`node-redis, RESP${RESP}`, scenarios, connect, (client) => client.destroy());
}

const passed = [
  await runWith(2, { ...dataTypes, ...connections }),
  await runWith(3, { ...dataTypes, ...connections, ...resp3Only }),
];
process.exit(passed.every(Boolean) ? 0 : 1);
