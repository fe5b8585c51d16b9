// What connections do, as a user of ioredis meets it: pipelines to restarts; each reply is checked.
import Redis from 'ioredis';
import { eventually, expect, expectAll, expectError, Inbox, manyNames, port, sorted } from './harness.js';

// What a call of another connection returns that blocks until `other` is done.
async function whileBlocked(redis, blocking, other) {
  const own = new Redis(port);
  const reply = blocking(own);
  await eventually(async () => (await redis.info('clients')).includes('blocked_clients:1\r\n'));
  await other();
  try {
    return await reply;
  } finally {
    own.disconnect();
  }
}

async function subscriptions(redis, channel) {
  return (await redis.pubsub('NUMSUB', channel))[1];
}

export const connections = {
  async pipelines(redis) {
    const pipeline = redis.pipeline();
    for (let i = 0; i < 10_000; i++) pipeline.rpush('list', i);
    expect(await pipeline.exec(), Array.from({ length: 10_000 }, (_, i) => [null, i + 1]));
    const replies = await redis.pipeline().set('a', 1).lpush('a', 2).incr('a').exec();
    expect(replies.map(([error, reply]) => error?.message.split(' ')[0] ?? reply), ['OK', 'WRONGTYPE', 2]);
    const automatic = new Redis(port, { enableAutoPipelining: true });
    await expectAll([automatic.incr('b'), automatic.incr('b'), automatic.incr('b')], [1, 2, 3]);
    automatic.disconnect();
  },

  async transactions(redis) {
    expect(await redis.multi().set('a', 1).incr('a').hset('h', 'f', 1).zadd('z', 1, 'm').exec(),
      [[null, 'OK'], [null, 2], [null, 1], [null, 1]]);
    await redis.watch('a');
    expect(await redis.multi().set('a', 20).exec(), [[null, 'OK']]);
    await redis.watch('a');
    const other = new Redis(port);
    await other.set('a', 'disturbed');
    expect(await redis.multi().set('a', 'never').exec(), null);
    await expectAll([redis.get('a'), redis.watch('a'), redis.unwatch()], ['disturbed', 'OK', 'OK']);
    await expectError('EXECABORT', redis.multi().set('a').exec(), Redis.ReplyError);
    other.disconnect();
  },

  async 'publish and subscribe'(redis) {
    const [subscriber, inbox] = [new Redis(port), new Inbox()];
    subscriber.on('message', inbox.put).on('pmessage', inbox.put);
    await expectAll([subscriber.subscribe('news', 'more'), subscriber.psubscribe('n?ws')], [2, 3]);
    expect(await redis.publish('news', 'cowslip'), 2);
    expect(await inbox.nextOf(2), [['news', 'cowslip'], ['n?ws', 'news', 'cowslip']]);
    await expectAll([redis.pubsub('CHANNELS').then(sorted), redis.pubsub('NUMPAT')], [['more', 'news'], 1]);

    // The connection is lost; the client subscribes anew by itself.
    expect(await redis.client('KILL', 'TYPE', 'pubsub'), 1);
    await eventually(async () => await subscriptions(redis, 'more') === 1 && await redis.pubsub('NUMPAT') === 1);
    expect(await redis.publish('news', 'again'), 2);
    expect(await inbox.nextOf(2), [['news', 'again'], ['n?ws', 'news', 'again']]);
    await expectAll([subscriber.unsubscribe('news'), subscriber.punsubscribe('n?ws')], [2, 1]);
    expect(await redis.publish('news', 'x'), 0);
    subscriber.disconnect();
  },

  async 'sharded publish and subscribe'(redis) {
    const [subscriber, inbox] = [new Redis(port), new Inbox()];
    subscriber.on('smessage', inbox.put);
    expect(await subscriber.ssubscribe('shard'), 1);
    await expectAll([redis.spublish('shard', 'cowslip'), inbox.next()], [1, ['shard', 'cowslip']]);
    subscriber.disconnect();
  },

  async 'blocking pops'(redis) {
    await expectAll([redis.blpop('none', 0.05), redis.bzpopmin('none', 0.05)], [null, null]);
    await expectAll([redis.rpush('ready', 1, 2), redis.blpop('none', 'ready', 0), redis.brpop('ready', 0)],
      [2, ['ready', '1'], ['ready', '2']]);
    expect(await whileBlocked(redis, (own) => own.blpop('a', 'b', 0), () => redis.rpush('b', 'x')), ['b', 'x']);
    expect(await whileBlocked(redis, (own) => own.blmove('a', 'b', 'LEFT', 'RIGHT', 0), () => redis.rpush('a', 'y')),
      'y');
    expect(await whileBlocked(redis, (own) => own.brpoplpush('a', 'b', 0), () => redis.rename('b', 'a')), 'y');
    expect(await whileBlocked(redis, (own) => own.blmpop(0, 1, 'q', 'LEFT', 'COUNT', 5), () => redis.rpush('q', 1, 2)),
      ['q', ['1', '2']]);
    expect(await whileBlocked(redis, (own) => own.bzpopmax('z', 0), () => redis.zadd('z', 1, 'm', 2, 'n')),
      ['z', 'n', '2']);
    expect(await whileBlocked(redis, (own) => own.bzmpop(0, 1, 'y', 'MIN'),
      () => redis.multi().zadd('y', 1, 'm').exec()),
      ['y', [['m', '1']]]);
    const waiting = new Redis(port);
    const number = await waiting.client('ID');
    expect(await whileBlocked(redis, () => waiting.blpop('a', 0), () => redis.client('UNBLOCK', number)), null);
    waiting.disconnect();
  },

  async 'client info'(redis) {
    const named = new Redis(port, { connectionName: 'worker-7', db: 3 });
    const info = await named.client('INFO');
    expect([' name=worker-7 ', ' db=3 ', ' cmd=client|info '].filter((field) => !info.includes(field)), []);
    await expectAll([named.client('SETNAME', 'other'), named.client('GETNAME')], ['OK', 'other']);
    expect((await redis.client('LIST')).split('\n').filter((line) => line.includes(' name=other ')).length, 1);
    await expectAll([named.set('key', 1), named.move('key', 0)], ['OK', 1]);
    expect(await redis.get('key'), '1');
    named.disconnect();
  },

  async monitor(redis) {
    const [monitor, inbox] = [await redis.monitor(), new Inbox()];
    monitor.on('monitor', (time, args, source, database) => inbox.put(args, database));
    await redis.set('key', 'a "value"');
    expect(await inbox.next(), [['set', 'key', 'a "value"'], '0']);
    monitor.disconnect();
  },

  async 'keyspace notifications'(redis) {
    expect(await redis.config('SET', 'notify-keyspace-events', 'KEA'), 'OK');
    const [subscriber, inbox] = [new Redis(port), new Inbox()];
    subscriber.on('pmessage', (pattern, channel, key) => inbox.put(channel.split(':')[1], key));
    await subscriber.psubscribe('__keyevent@0__:*');
    await redis.pipeline().rpush('list', 1).lpop('list').sadd('set', 'm').psetex('brief', 10, 'x').exec();
    expect(await inbox.nextOf(7), [['rpush', 'list'], ['lpop', 'list'], ['del', 'list'], ['sadd', 'set'],
      ['set', 'brief'], ['expire', 'brief'], ['expired', 'brief']]);
    await redis.config('SET', 'notify-keyspace-events', '');
    subscriber.disconnect();
  },

  // The client waits for the server to come back, and sends then what it was asked for meanwhile: a SHUTDOWN, too, so
  // that goes over a connection which does not return.
  async 'restart with the snapshot'(redis) {
    await redis.pipeline().setex('string', 1000, 'kept').rpush('list', ...manyNames).hset('hash', 'f', 'v')
      .sadd('set', 'a', 'b').zadd('zset', 1.5, 'm').exec();
    const runId = async () => (await redis.info('server')).match(/run_id:(\w+)/)[1];
    const before = await runId();
    redis.on('error', () => {}); // refused connections, until the server is back
    await expectError('Connection is closed', new Redis(port, { retryStrategy: null }).shutdown('SAVE'));
    expect(await runId() === before, false);
    await expectAll([redis.get('string'), redis.lrange('list', 0, -1)], ['kept', manyNames]);
    await expectAll([redis.hgetall('hash'), redis.smembers('set').then(sorted)], [{ f: 'v' }, ['a', 'b']]);
    await expectAll([redis.zrange('zset', 0, -1, 'WITHSCORES'), redis.ttl('string').then((ttl) => ttl > 0)],
      [['m', '1.5'], true]);
  },
};
