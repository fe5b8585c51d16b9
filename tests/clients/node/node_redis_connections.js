// What connections do, as a user of node-redis meets it: pipelines to restarts; each reply is checked.
import { BasicClientSideCache, createClientPool, ErrorReply, WatchError } from 'redis';
import { eventually, expect, expectAll, expectError, Inbox, manyNames, port, sorted } from './harness.js';

// A second connection with the same options, and some more; closed when the function is through.
async function withAnother(client, options, use) {
  const another = await client.duplicate(options).on('error', () => {}).connect();
  try {
    return await use(another);
  } finally {
    another.destroy();
  }
}

// What a call of another connection returns that blocks until `other` is done.
async function whileBlocked(client, blocking, other) {
  return withAnother(client, {}, async (own) => {
    const reply = blocking(own);
    await eventually(async () => (await client.info('clients')).includes('blocked_clients:1\r\n'));
    await other();
    return reply;
  });
}

export const connections = {
  async pipelines(client) {
    const replies = await Promise.all(Array.from({ length: 10_000 }, () => client.incr('count')));
    expect(replies, Array.from({ length: 10_000 }, (_, i) => i + 1));
    expect(await client.multi().set('a', '1').incr('a').hSet('h', 'f', 'v').execAsPipeline(), ['OK', 2, 1]);
    const outcomes = await Promise.allSettled([client.lPush('a', 'x'), client.incr('a')]);
    expect(outcomes.map(({ value, reason }) => value ?? reason.message.split(' ')[0]), ['WRONGTYPE', 3]);
  },

  async transactions(client) {
    const member = { value: 'm', score: 1.5 };
    expect(await client.multi().set('a', '1').incr('a').hSet('h', 'f', 'v').zAdd('z', member).zScore('z', 'm').exec(),
      ['OK', 2, 1, 1, 1.5]);
    await client.watch('a');
    expect(await client.multi().set('a', '20').exec(), ['OK']);
    await client.watch('a');
    await withAnother(client, {}, (another) => another.set('a', 'disturbed'));
    await expectError('One (or more) of the watched keys has been changed', client.multi().set('a', 'never').exec(),
      WatchError);
    await expectAll([client.get('a'), client.watch('a'), client.unwatch()], ['disturbed', 'OK', 'OK']);
    await expectError("ERR wrong number of arguments for 'get' command",
      client.multi().set('a', '1').addCommand(['GET']).exec(),
      ErrorReply);
    const pool = await createClientPool({ socket: { port } }).connect();
    expect(await pool.execute(async (own) => {
      await own.watch('a');
      return own.multi().get('a').exec();
    }), ['disturbed']);
    pool.destroy();
  },

  async 'publish and subscribe'(client) {
    await withAnother(client, {}, async (subscriber) => {
      const [named, matched] = [new Inbox(), new Inbox()];
      await subscriber.subscribe(['news', 'more'], named.put);
      await subscriber.pSubscribe('n?ws', matched.put);
      await expectAll([client.publish('news', 'cowslip'), named.next(), matched.next()],
        [2, ['cowslip', 'news'], ['cowslip', 'news']]);
      expect({ ...await client.pubSubNumSub(['news', 'none']) }, { news: 1, none: 0 });
      await expectAll([client.pubSubChannels('m*'), client.pubSubNumPat()], [['more'], 1]);

      // The connection is lost; the client subscribes anew by itself.
      expect(await client.clientKill({ filter: 'TYPE', type: 'pubsub' }), 1);
      await eventually(async () => (await client.pubSubNumSub('more')).more === 1 && await client.pubSubNumPat() === 1);
      await expectAll([client.publish('news', 'again'), named.next(), matched.next()],
        [2, ['again', 'news'], ['again', 'news']]);
      await subscriber.unsubscribe('news');
      await subscriber.pUnsubscribe('n?ws');
      await expectAll([client.publish('news', 'x'), client.publish('more', 'y'), named.next()], [0, 1, ['y', 'more']]);
    });
  },

  async 'sharded publish and subscribe'(client) {
    await withAnother(client, {}, async (subscriber) => {
      const inbox = new Inbox();
      await subscriber.sSubscribe('shard', inbox.put);
      await expectAll([client.sPublish('shard', 'cowslip'), inbox.next()], [1, ['cowslip', 'shard']]);
      expect(await client.pubSubShardChannels(), ['shard']);
    });
  },

  async 'blocking pops'(client) {
    await expectAll([client.blPop('none', 0.05), client.bzPopMin('none', 0.05)], [null, null]);
    await expectAll([client.rPush('ready', ['1', '2']), client.blPop(['none', 'ready'], 0), client.brPop('ready', 0)],
      [2, { key: 'ready', element: '1' }, { key: 'ready', element: '2' }]);
    expect(await whileBlocked(client, (own) => own.blPop(['a', 'b'], 0), () => client.rPush('b', 'x')),
      { key: 'b', element: 'x' });
    expect(await whileBlocked(client, (own) => own.blMove('a', 'b', 'LEFT', 'RIGHT', 0), () => client.rPush('a', 'y')),
      'y');
    expect(await whileBlocked(client, (own) => own.brPopLPush('a', 'b', 0), () => client.rename('b', 'a')), 'y');
    expect(await whileBlocked(client, (own) => own.blmPop(0, 'q', 'LEFT', { COUNT: 5 }),
      () => client.rPush('q', ['1', '2'])),
      ['q', ['1', '2']]);
    const members = [{ value: 'm', score: 1 }, { value: 'n', score: 2.5 }];
    expect(await whileBlocked(client, (own) => own.bzPopMax('z', 0), () => client.zAdd('z', members)),
      { key: 'z', value: 'n', score: 2.5 });
    expect(await whileBlocked(client, (own) => own.bzmPop(0, 'y', 'MIN', { COUNT: 2 }),
      () => client.multi().zAdd('y', members[0]).zAdd('y', members[1]).exec()), { key: 'y', members });
    expect(await whileBlocked(client, (own) => own.blPop('a', 0), async () => {
      const [blocked] = (await client.clientList()).filter(({ flags }) => flags.includes('b'));
      return client.sendCommand(['CLIENT', 'UNBLOCK', String(blocked.id)]);
    }), null);
  },

  async 'client info'(client) {
    await withAnother(client, { name: 'worker-7', database: 3 }, async (named) => {
      const { name, db, cmd } = await named.clientInfo();
      expect({ name, db, cmd }, { name: 'worker-7', db: 3, cmd: 'client|info' });
      await expectAll([named.clientSetName('other'), named.clientGetName()], ['OK', 'other']);
      expect((await client.clientList()).filter((entry) => entry.name === 'other').length, 1);
      await expectAll([named.set('key', '1'), named.move('key', 0)], ['OK', 1]);
      expect(await client.get('key'), '1');
    });
  },

  async 'keyspace notifications'(client) {
    expect(await client.configSet('notify-keyspace-events', 'KEA'), 'OK');
    await withAnother(client, {}, async (subscriber) => {
      const inbox = new Inbox();
      await subscriber.pSubscribe('__keyevent@0__:*', (key, channel) => inbox.put(channel.split(':')[1], key));
      await client.multi().rPush('list', '1').lPop('list').sAdd('set', 'm').pSetEx('brief', 10, 'x').execAsPipeline();
      expect(await inbox.nextOf(7), [['rpush', 'list'], ['lpop', 'list'], ['del', 'list'], ['sadd', 'set'],
        ['set', 'brief'], ['expire', 'brief'], ['expired', 'brief']]);
    });
    await client.configSet('notify-keyspace-events', '');
  },

  // The client waits for the server to come back, and sends then what it was asked for meanwhile.
  async 'restart with the snapshot'(client) {
    await client.multi().setEx('string', 1000, 'kept').rPush('list', manyNames).hSet('hash', 'f', 'v')
      .sAdd('set', ['a', 'b']).zAdd('zset', { value: 'm', score: 1.5 }).exec();
    const runId = async () => (await client.info('server')).match(/run_id:(\w+)/)[1];
    const before = await runId();
    await expectError('Socket closed unexpectedly', client.sendCommand(['SHUTDOWN', 'SAVE']));
    expect(await runId() === before, false);
    await expectAll([client.get('string'), client.lRange('list', 0, -1)], ['kept', manyNames]);
    expect({ ...await client.hGetAll('hash') }, { f: 'v' });
    await expectAll([client.sMembers('set').then(sorted), client.zRangeWithScores('zset', 0, -1)],
      [['a', 'b'], [{ value: 'm', score: 1.5 }]]);
    expect(await client.ttl('string') > 0, true);
  },
};

export const resp3Only = {
  async 'subscriptions and commands on one connection'(client) {
    const inbox = new Inbox();
    await client.subscribe('news', inbox.put);
    await expectAll([client.publish('news', 'cowslip'), client.set('a', '1'), inbox.next()],
      [1, 'OK', ['cowslip', 'news']]);
    await client.unsubscribe('news');
  },

  async 'client-side caching'(client) {
    const cache = new BasicClientSideCache({ ttl: 0, maxEntries: 100, evictPolicy: 'LRU' });
    await client.set('flower', 'cowslip');
    await client.hSet('hash', 'f', 'v');
    await withAnother(client, { clientSideCache: cache }, async (cached) => {
      const read = async () => [await cached.get('flower'), await cached.hGet('hash', 'f'),
        await cached.zScore('z', 'm')];
      expect([await read(), await read(), await read()], Array(3).fill(['cowslip', 'v', null]));
      expect([cache.stats().hitCount, cache.stats().missCount, cache.size()], [6, 3, 3]);
      // What others change is forgotten, and only that: a new key, a changed one, an expired one, a flush.
      await client.zAdd('z', { value: 'm', score: 1 });
      await eventually(() => cache.size() === 2);
      expect([await read(), cache.stats().missCount], [['cowslip', 'v', 1], 4]);
      await client.pExpire('flower', 10);
      await eventually(async () => await cached.get('flower') === null);
      await client.multi().hSet('hash', 'f', 'w').set('unread', 'x').exec();
      await eventually(async () => await cached.hGet('hash', 'f') === 'w');
      await client.flushAll();
      await eventually(() => cache.size() === 0);
      expect(await read(), [null, null, null]);
    });
  },
};
