// ioredis against the server on the port that is given: ioredis_client.js PORT
import Redis from 'ioredis';
import { port, run } from './harness.js';
import { connections } from './ioredis_connections.js';
import { dataTypes } from './ioredis_data_types.js';

const passed = await run('ioredis', { ...dataTypes, ...connections }, () => new Redis(port),
  (redis) => redis.disconnect());
process.exit(passed ? 0 : 1);
