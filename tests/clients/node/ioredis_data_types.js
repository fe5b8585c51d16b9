// Every data type as a user of ioredis meets it; each reply is checked.
import { randomBytes } from 'node:crypto';
import Redis from 'ioredis';
import { eventually, everyByte, expect, expectAll, expectError, manyNames, sorted } from './harness.js';

const wrongType = 'WRONGTYPE Operation against a key holding the wrong kind of value';

async function collect(stream) {
  const pages = [];
  for await (const page of stream) pages.push(...page);
  return pages;
}

export const dataTypes = {
  async 'strings and expiry'(redis) {
    await expectAll([redis.set('flower', 'cowslip', 'EX', 100), redis.get('flower'), redis.ttl('flower'),
      redis.get('none')],
      ['OK', 'cowslip', 100, null]);
    await expectAll([redis.set('flower', 'other', 'NX'), redis.set('flower', 'primrose', 'KEEPTTL', 'GET'),
      redis.persist('flower'), redis.ttl('flower')], [null, 'cowslip', 1, -1]);
    await expectAll([redis.mset({ a: 1, b: 2 }), redis.mget('a', 'none', 'b')], ['OK', ['1', null, '2']]);
    await expectAll([redis.incrby('a', 41), redis.decr('b'), redis.incrbyfloat('a', 0.5)], [42, 1, '42.5']);
    await expectAll([redis.append('flower', '!'), redis.getrange('flower', 0, 2), redis.setrange('flower', 8, '?')],
      [9, 'pri', 9]);
    await expectAll([redis.getex('flower', 'PX', 60000), redis.getdel('flower'), redis.exists('flower')],
      ['primrose?', 'primrose?', 0]);
    expect(await redis.psetex('brief', 20, 'x'), 'OK');
    await eventually(async () => await redis.get('brief') === null);
    await expectAll([redis.copy('a', 'c'), redis.rename('c', 'd'), redis.type('d'), redis.keys('?').then(sorted)],
      [1, 'OK', 'string', ['a', 'b', 'd']]);
    await expectAll([redis.unlink('a', 'b', 'none'), redis.dbsize(), redis.randomkey()], [2, 1, 'd']);
  },

  async lists(redis) {
    await expectAll([redis.rpush('list', 'b', 'c', 'd'), redis.lpush('list', 'a'), redis.lrange('list', 0, -1)],
      [3, 4, ['a', 'b', 'c', 'd']]);
    await expectAll([redis.lindex('list', -1), redis.llen('list'), redis.rpushx('none', 'x')], ['d', 4, 0]);
    await expectAll([redis.linsert('list', 'BEFORE', 'b', 'x'), redis.lset('list', 0, 'A'), redis.lrem('list', 0, 'x')],
      [5, 'OK', 1]);
    await expectAll([redis.lpop('list'), redis.rpop('list', 2), redis.lpop('none')], ['A', ['d', 'c'], null]);
    await expectAll([redis.lmove('list', 'other', 'LEFT', 'RIGHT'), redis.rpush('other', 'x', 'b')], ['b', 3]);
    await expectAll([redis.lpos('other', 'b', 'RANK', -1), redis.lpos('other', 'b', 'COUNT', 0)], [2, [0, 2]]);
    await expectAll([redis.rpoplpush('other', 'other'), redis.ltrim('other', 0, 1)], ['b', 'OK']);
    expect(await redis.lmpop(2, 'none', 'other', 'LEFT', 'COUNT', 9), ['other', ['b', 'b']]);
  },

  async hashes(redis) {
    await expectAll([redis.hset('hash', { name: 'cowslip', petals: 5 }), redis.hset('hash', 'name', 'primula')],
      [2, 0]);
    await expectAll([redis.hgetall('hash'), redis.hmget('hash', 'petals', 'none')],
      [{ name: 'primula', petals: '5' }, ['5', null]]);
    await expectAll([redis.hincrby('hash', 'petals', 2), redis.hincrbyfloat('hash', 'petals', 0.5)], [7, '7.5']);
    await expectAll([redis.hexists('hash', 'name'), redis.hsetnx('hash', 'name', 'x'), redis.hlen('hash')], [1, 0, 2]);
    await expectAll([redis.hkeys('hash').then(sorted), redis.hvals('hash').then(sorted)],
      [['name', 'petals'], ['7.5', 'primula']]);
    expect((await redis.hrandfield('hash', -5, 'WITHVALUES')).length, 10);
    await expectAll([redis.hdel('hash', 'name', 'none'), redis.hget('hash', 'name')], [1, null]);
    await expectAll([redis.hset('hash', new Map(manyNames.map((name, i) => [name, i]))),
      redis.hget('hash', 'member999')],
      [1500, '999']);
    expect(await redis.object('ENCODING', 'hash'), 'hashtable');
  },

  async sets(redis) {
    await expectAll([redis.sadd('a', 1, 2, 3), redis.sadd('a', [3]), redis.sadd('b', 2, 3, 4)], [3, 0, 3]);
    await expectAll([redis.smembers('a').then(sorted), redis.sismember('a', 1), redis.smismember('a', 1, 9)],
      [['1', '2', '3'], 1, [1, 0]]);
    await expectAll([redis.sinter('a', 'b').then(sorted), redis.sunion('a', 'b').then(sorted), redis.sdiff('a', 'b')],
      [['2', '3'], ['1', '2', '3', '4'], ['1']]);
    await expectAll([redis.sinterstore('c', 'a', 'b'), redis.sunionstore('d', 'a', 'b'),
      redis.sdiffstore('e', 'a', 'b')],
      [2, 4, 1]);
    await expectAll([redis.sintercard(2, 'a', 'b', 'LIMIT', 1), redis.smove('a', 'b', 1), redis.srem('b', 1, 'x')],
      [1, 1, 1]);
    await expectAll([redis.srandmember('c', -7).then((members) => members.length), redis.spop('d', 10).then(sorted),
      redis.spop('d')], [7, ['1', '2', '3', '4'], null]);
  },

  async 'sorted sets'(redis) {
    await expectAll([redis.zadd('z', 1, 'a', 2, 'b', 3, 'c'), redis.zadd('z', 'GT', 'CH', 0.5, 'a', 9, 'b')], [3, 1]);
    await expectAll([redis.zadd('z', 'NX', 4, 'd'), redis.zadd('z', 'INCR', 1, 'd')], [1, '5']);
    expect(await redis.zrange('z', 0, -1, 'WITHSCORES'), ['a', '1', 'c', '3', 'd', '5', 'b', '9']);
    expect(await redis.zrange('z', '(1', '+inf', 'BYSCORE', 'LIMIT', 0, 2), ['c', 'd']);
    expect(await redis.zrevrangebyscore('z', '+inf', '(3', 'WITHSCORES'), ['b', '9', 'd', '5']);
    await expectAll([redis.zrank('z', 'b'), redis.zrevrank('z', 'none'), redis.zmscore('z', 'a', 'none')],
      [3, null, ['1', null]]);
    await expectAll([redis.zincrby('z', '-inf', 'a'), redis.zcount('z', '-inf', '(5')], ['-inf', 2]);
    expect(await redis.zadd('y', 10, 'c', 11, 'e'), 2);
    expect(await redis.zunion(2, 'z', 'y', 'WEIGHTS', 2, 1, 'AGGREGATE', 'MAX', 'WITHSCORES'),
      ['a', '-inf', 'c', '10', 'd', '10', 'e', '11', 'b', '18']);
    await expectAll([redis.zinter(2, 'z', 'y', 'WITHSCORES'), redis.zdiff(2, 'y', 'z')], [['c', '13'], ['e']]);
    await expectAll([redis.zunionstore('u', 2, 'z', 'y'), redis.zinterstore('i', 2, 'z', 'y'),
      redis.zrangestore('r', 'z', 1, 2), redis.zrange('r', 0, -1)], [5, 1, 2, ['c', 'd']]);
    await expectAll([redis.zpopmin('z'), redis.zpopmax('z', 2), redis.zmpop(2, 'none', 'z', 'MIN')],
      [['a', '-inf'], ['b', '9', 'd', '5'], ['z', [['c', '3']]]]);
    await redis.zadd('lex', ...['a', 'b', 'c', 'd', 'e'].flatMap((member) => [0, member]));
    await expectAll([redis.zrange('lex', '(e', '[b', 'BYLEX', 'REV', 'LIMIT', 0, 2), redis.zlexcount('lex', '-', '[b')],
      [['d', 'c'], 2]);
    await expectAll([redis.zremrangebylex('lex', '-', '[b'), redis.zremrangebyrank('lex', 0, 0),
      redis.zremrangebyscore('lex', 0, 0), redis.zrem('u', 'e', 'none')], [2, 1, 2, 1]);
  },

  async bitmaps(redis) {
    await expectAll([redis.setbit('bits', 7, 1), redis.getbit('bits', 7), redis.set('other', '\x0f')], [0, 1, 'OK']);
    await expectAll([redis.bitop('XOR', 'both', 'bits', 'other'), redis.get('both')], [1, '\x0e']);
    await expectAll([redis.bitcount('both', 4, 5, 'BIT'), redis.bitpos('both', 1)], [2, 4]);
    expect(await redis.bitfield('f', 'OVERFLOW', 'SAT', 'SET', 'u8', 0, 250, 'INCRBY', 'u8', 0, 9), [0, 255]);
  },

  async hyperloglogs(redis) {
    await expectAll([redis.pfadd('one', manyNames.slice(0, 100)), redis.pfadd('two', manyNames.slice(50, 150))],
      [1, 1]);
    const [merged, count] = await Promise.all([redis.pfmerge('all', 'one', 'two'), redis.pfcount('all')]);
    expect([merged, count >= 145 && count <= 155, await redis.pfcount('one', 'two')], ['OK', true, count]);
  },

  async geo(redis) {
    expect(await redis.geoadd('sicily', 13.361389, 38.115556, 'Palermo', 15.087269, 37.502669, 'Catania'), 2);
    await expectAll([redis.geodist('sicily', 'Palermo', 'Catania', 'km'), redis.geohash('sicily', 'Palermo')],
      ['166.2742', ['sqc8b49rny0']]);
    const [position, nowhere] = await redis.geopos('sicily', 'Palermo', 'none');
    expect([position.map((degrees) => Number(degrees).toFixed(4)), nowhere], [['13.3614', '38.1156'], null]);
    expect(await redis.geosearch('sicily', 'FROMLONLAT', 15, 37, 'BYRADIUS', 200, 'km', 'ASC', 'WITHDIST'),
      [['Catania', '56.4413'], ['Palermo', '190.4424']]);
    await expectAll([redis.geosearchstore('near', 'sicily', 'FROMMEMBER', 'Catania', 'BYBOX', 9, 9, 'km'),
      redis.georadius('sicily', 15, 37, 100, 'km')], [1, ['Catania']]);
  },

  async 'scan iterators'(redis) {
    await redis.sadd('set', manyNames);
    await redis.hset('hash', Object.fromEntries(manyNames.map((name) => [name, 'v'])));
    await redis.zadd('zset', ...manyNames.flatMap((name) => [1.5, name]));
    await redis.mset(new Map(manyNames.map((name) => [name, 1])));
    const unique = async (stream) => sorted(new Set(await collect(stream)));
    expect(await unique(redis.scanStream({ match: 'member*', count: 100 })), sorted(manyNames));
    expect(await unique(redis.scanStream({ type: 'zset' })), ['zset']);
    expect(await unique(redis.sscanStream('set')), sorted(manyNames));
    expect(await unique(redis.hscanStream('hash')), sorted([...manyNames, 'v']));
    expect(await unique(redis.zscanStream('zset', { match: 'member1?' })),
      sorted([...Array(10).keys()].map((i) => `member1${i}`).concat('1.5')));
  },

  async sort(redis) {
    await redis.rpush('ids', 3, 1, 2);
    await redis.mset({ weight_1: 30, weight_2: 20, weight_3: 10 });
    await redis.hset('user:1', 'name', 'Anna');
    await expectAll([redis.sort('ids'), redis.sort('ids', 'LIMIT', 0, 2, 'DESC')], [['1', '2', '3'], ['3', '2']]);
    expect(await redis.sort('ids', 'BY', 'weight_*', 'GET', '#', 'GET', 'user:*->name'),
      ['3', null, '2', null, '1', 'Anna']);
    await expectAll([redis.sort('ids', 'BY', 'nosort', 'STORE', 'copy'), redis.lrange('copy', 0, -1)],
      [3, ['3', '1', '2']]);
    await expectAll([redis.sadd('words', 'pear', 'apple'), redis.sort_ro('words', 'ALPHA')], [2, ['apple', 'pear']]);
  },

  async 'dump and restore'(redis) {
    await redis.pipeline().set('string', 'x').rpush('list', ...manyNames).hset('hash', 'f', 'v').sadd('intset', 1, 2)
      .zadd('zset', 1.5, 'm').exec();
    for (const key of ['string', 'list', 'hash', 'intset', 'zset']) {
      const payload = await redis.dumpBuffer(key);
      await expectAll([redis.restore(`${key}2`, 0, payload), redis.dumpBuffer(`${key}2`)], ['OK', payload]);
      await expectError('BUSYKEY', redis.restore(key, 0, payload));
      payload[1] ^= 1;
      await expectError('ERR DUMP payload version or checksum are wrong', redis.restore('broken', 0, payload));
    }
  },

  async 'large and binary values'(redis) {
    const large = randomBytes(1 << 24);
    await expectAll([redis.set(everyByte, large), redis.strlen(everyByte), redis.getBuffer(everyByte)],
      ['OK', 1 << 24, large]);
    await expectAll([redis.hset('hash', everyByte, everyByte), redis.hgetBuffer('hash', everyByte)], [1, everyByte]);
    await expectAll([redis.zadd('zset', 1, everyByte), redis.zrangeBuffer('zset', 0, -1)], [1, [everyByte]]);
    const elements = Array.from({ length: 100_000 }, (_, i) => String(i));
    await expectAll([redis.rpush('list', elements), redis.lrange('list', 0, -1)], [100_000, elements]);
    await expectAll([redis.set('ünïcode', 'Schlüsselblume 🌼'), redis.get('ünïcode')], ['OK', 'Schlüsselblume 🌼']);
  },

  async errors(redis) {
    const { ReplyError } = Redis;
    await redis.set('string', 'text');
    await expectError(wrongType, redis.lpush('string', 1), ReplyError);
    await expectError(wrongType, redis.hgetall('string'), ReplyError);
    await expectError('ERR value is not an integer or out of range', redis.incr('string'), ReplyError);
    await expectError('ERR no such key', redis.rename('none', 'other'), ReplyError);
    await expectError("ERR unknown command 'NOSUCH'", redis.call('NOSUCH', 1), ReplyError);
    await expectError("ERR wrong number of arguments for 'get' command", redis.get(), ReplyError);
    await expectAll([redis.get('string'), redis.ping()], ['text', 'PONG']);
  },
};
