// Every data type as a user of node-redis meets it, in both versions of the protocol; each reply is checked.
import { randomBytes } from 'node:crypto';
import { ErrorReply, RESP_TYPES } from 'redis';
import { eventually, everyByte, expect, expectAll, expectError, manyNames, sorted } from './harness.js';

const wrongType = 'WRONGTYPE Operation against a key holding the wrong kind of value';

async function collect(iterator) {
  const pages = [];
  for await (const page of iterator) pages.push(...page);
  return pages;
}

function withScores(...pairs) {
  return pairs.map(([value, score]) => ({ value, score }));
}

export const dataTypes = {
  async 'strings and expiry'(client) {
    await expectAll([client.set('flower', 'cowslip', { expiration: { type: 'EX', value: 100 } }), client.get('flower'),
      client.ttl('flower'), client.get('none')], ['OK', 'cowslip', 100, null]);
    await expectAll([client.set('flower', 'other', { condition: 'NX' }),
      client.set('flower', 'primrose', { expiration: 'KEEPTTL', condition: 'XX', GET: true }),
      client.persist('flower'), client.ttl('flower')], [null, 'cowslip', 1, -1]);
    await expectAll([client.mSet({ a: '1', b: '2' }), client.mGet(['a', 'none', 'b'])], ['OK', ['1', null, '2']]);
    await expectAll([client.incrBy('a', 41), client.decr('b'), client.incrByFloat('a', 0.5)], [42, 1, '42.5']);
    await expectAll([client.append('flower', '!'), client.getRange('flower', 0, 2), client.strLen('flower')],
      [9, 'pri', 9]);
    await expectAll([client.getEx('flower', { type: 'PX', value: 60_000 }), client.getDel('flower'),
      client.exists('flower')],
      ['primrose!', 'primrose!', 0]);
    await expectAll([client.expire('a', 100, 'NX'), client.expire('a', 50, 'GT'),
      client.expireTime('a').then((t) => t > 1e9)],
      [1, 0, true]);
    expect(await client.pSetEx('brief', 20, 'x'), 'OK');
    await eventually(async () => await client.get('brief') === null);
    await expectAll([client.copy('a', 'c'), client.rename('c', 'd'), client.type('d'), client.keys('?').then(sorted)],
      [1, 'OK', 'string', ['a', 'b', 'd']]);
    await expectAll([client.unlink(['a', 'b', 'none']), client.dbSize(), client.randomKey()], [2, 1, 'd']);
  },

  async lists(client) {
    await expectAll([client.rPush('list', ['b', 'c', 'd']), client.lPush('list', 'a'), client.lRange('list', 0, -1)],
      [3, 4, ['a', 'b', 'c', 'd']]);
    await expectAll([client.lIndex('list', -1), client.lLen('list'), client.rPushX('none', 'x')], ['d', 4, 0]);
    await expectAll([client.lInsert('list', 'BEFORE', 'b', 'x'), client.lSet('list', 0, 'A'),
      client.lRem('list', 0, 'x')],
      [5, 'OK', 1]);
    await expectAll([client.lPop('list'), client.rPopCount('list', 2), client.lPopCount('none', 2)],
      ['A', ['d', 'c'], null]);
    await expectAll([client.lMove('list', 'other', 'LEFT', 'RIGHT'), client.rPush('other', ['x', 'b'])], ['b', 3]);
    await expectAll([client.lPos('other', 'b', { RANK: -1 }), client.lPosCount('other', 'b', 0)], [2, [0, 2]]);
    await expectAll([client.rPopLPush('other', 'other'), client.lTrim('other', 0, 1)], ['b', 'OK']);
    await expectAll([client.lmPop(['none', 'other'], 'LEFT', { COUNT: 9 }), client.lmPop('none', 'LEFT')],
      [['other', ['b', 'b']], null]);
  },

  async hashes(client) {
    await expectAll([client.hSet('hash', { name: 'cowslip', petals: 5 }), client.hSet('hash', 'name', 'primula')],
      [2, 0]);
    expect({ ...await client.hGetAll('hash') }, { name: 'primula', petals: '5' });
    expect({ ...await client.hGetAll('none') }, {});
    await expectAll([client.hmGet('hash', ['petals', 'none']), client.hGet('hash', 'none')], [['5', null], null]);
    await expectAll([client.hIncrBy('hash', 'petals', 2), client.hIncrByFloat('hash', 'petals', 0.5)], [7, '7.5']);
    await expectAll([client.hExists('hash', 'name'), client.hSetNX('hash', 'name', 'x'), client.hLen('hash')],
      [1, 0, 2]);
    await expectAll([client.hKeys('hash').then(sorted), client.hVals('hash').then(sorted)],
      [['name', 'petals'], ['7.5', 'primula']]);
    const fields = await client.hRandFieldCountWithValues('hash', 5);
    expect(sorted(fields.map(({ field, value }) => `${field}=${value}`)), ['name=primula', 'petals=7.5']);
    await expectAll([client.hDel('hash', ['name', 'none']), client.hRandField('hash')], [1, 'petals']);
    expect(await client.hSet('hash', Object.fromEntries(manyNames.map((name, i) => [name, i]))), 1500);
    await expectAll([client.hGet('hash', 'member999'), client.objectEncoding('hash')], ['999', 'hashtable']);
  },

  async sets(client) {
    await expectAll([client.sAdd('a', ['1', '2', '3']), client.sAdd('a', '3'), client.sAdd('b', ['2', '3', '4'])],
      [3, 0, 3]);
    await expectAll([client.sMembers('a').then(sorted), client.sIsMember('a', '1'), client.smIsMember('a', ['1', '9'])],
      [['1', '2', '3'], 1, [1, 0]]);
    const both = ['a', 'b'];
    await expectAll([client.sInter(both).then(sorted), client.sUnion(both).then(sorted), client.sDiff(both)],
      [['2', '3'], ['1', '2', '3', '4'], ['1']]);
    await expectAll([client.sInterStore('c', both), client.sUnionStore('d', both), client.sDiffStore('e', both)],
      [2, 4, 1]);
    await expectAll([client.sInterCard(both, { LIMIT: 1 }), client.sMove('a', 'b', '1'), client.sRem('b', ['1', 'x'])],
      [1, 1, 1]);
    await expectAll([client.sRandMemberCount('c', -7).then((members) => members.length),
      client.sPopCount('d', 10).then(sorted), client.sPop('d')], [7, ['1', '2', '3', '4'], null]);
  },

  async 'sorted sets'(client) {
    expect(await client.zAdd('z', withScores(['a', 1], ['b', 2], ['c', 3])), 3);
    await expectAll([client.zAdd('z', withScores(['a', 0.5], ['b', 9]), { comparison: 'GT', CH: true }),
      client.zAdd('z', { value: 'd', score: 4 }, { condition: 'NX' }), client.zAddIncr('z', { value: 'd', score: 1 })],
      [1, 1, 5]);
    expect(await client.zRangeWithScores('z', 0, -1), withScores(['a', 1], ['c', 3], ['d', 5], ['b', 9]));
    expect(await client.zRange('z', '(1', '+inf', { BY: 'SCORE', LIMIT: { offset: 0, count: 2 } }), ['c', 'd']);
    expect(await client.zRangeWithScores('z', '+inf', '(3', { BY: 'SCORE', REV: true }),
      withScores(['b', 9], ['d', 5]));
    await expectAll([client.zRank('z', 'b'), client.zRevRank('z', 'none'), client.zmScore('z', ['a', 'none'])],
      [3, null, [1, null]]);
    await expectAll([client.zIncrBy('z', -1.5, 'a'), client.zCount('z', '-inf', '(5'), client.zScore('z', 'none')],
      [-0.5, 2, null]);
    expect(await client.zAdd('y', withScores(['c', 10], ['e', 11])), 2);
    expect(await client.zUnionWithScores([{ key: 'z', weight: 2 }, { key: 'y', weight: 1 }], { AGGREGATE: 'MAX' }),
      withScores(['a', -1], ['c', 10], ['d', 10], ['e', 11], ['b', 18]));
    await expectAll([client.zInterWithScores(['z', 'y']), client.zDiff(['y', 'z']), client.zInterCard(['y', 'z'])],
      [withScores(['c', 13]), ['e'], 1]);
    await expectAll([client.zUnionStore('u', ['z', 'y']), client.zInterStore('i', ['z', 'y']),
      client.zRangeStore('r', 'z', 1, 2), client.zRange('r', 0, -1)], [5, 1, 2, ['c', 'd']]);
    await expectAll([client.zPopMin('z'), client.zPopMaxCount('z', 2)],
      [{ value: 'a', score: -0.5 }, withScores(['b', 9], ['d', 5])]);
    await expectAll([client.zmPop(['none', 'z'], 'MIN'), client.zmPop('none', 'MAX'), client.zPopMin('none')],
      [{ key: 'z', members: withScores(['c', 3]) }, null, null]);
    await client.zAdd('lex', withScores(...'abcde'.split('').map((member) => [member, 0])));
    await expectAll([client.zRange('lex', '(e', '[b', { BY: 'LEX', REV: true }), client.zLexCount('lex', '-', '[b')],
      [['d', 'c', 'b'], 2]);
    await expectAll([client.zRemRangeByLex('lex', '-', '[b'), client.zRemRangeByRank('lex', 0, 0),
      client.zRemRangeByScore('lex', 0, 0), client.zRem('u', ['e', 'none'])], [2, 1, 2, 1]);
    expect((await client.zRandMemberCountWithScores('u', -3)).every(({ score }) => typeof score === 'number'), true);
  },

  async bitmaps(client) {
    await expectAll([client.setBit('bits', 7, 1), client.getBit('bits', 7), client.set('other', '\x0f')], [0, 1, 'OK']);
    await expectAll([client.bitOp('XOR', 'both', ['bits', 'other']), client.get('both')], [1, '\x0e']);
    await expectAll([client.bitCount('both', { start: 4, end: 5, mode: 'BIT' }), client.bitPos('both', 1)], [2, 4]);
    expect(await client.bitField('f', [{ operation: 'SET', encoding: 'u8', offset: 0, value: 250 },
      { operation: 'OVERFLOW', behavior: 'FAIL' }, { operation: 'INCRBY', encoding: 'u8', offset: 0, increment: 9 }]),
      [0, null]);
  },

  async hyperloglogs(client) {
    await expectAll([client.pfAdd('one', manyNames.slice(0, 100)), client.pfAdd('two', manyNames.slice(50, 150))],
      [1, 1]);
    const [merged, count] = await Promise.all([client.pfMerge('all', ['one', 'two']), client.pfCount('all')]);
    expect([merged, count >= 145 && count <= 155, await client.pfCount(['one', 'two'])], ['OK', true, count]);
  },

  async geo(client) {
    expect(await client.geoAdd('sicily', [{ longitude: 13.361389, latitude: 38.115556, member: 'Palermo' },
      { longitude: 15.087269, latitude: 37.502669, member: 'Catania' }]), 2);
    await expectAll([client.geoDist('sicily', 'Palermo', 'Catania', 'km'), client.geoHash('sicily', 'Palermo')],
      [166.2742, ['sqc8b49rny0']]);
    const [position, nowhere] = await client.geoPos('sicily', ['Palermo', 'none']);
    expect([Number(position.longitude).toFixed(4), Number(position.latitude).toFixed(4), nowhere],
      ['13.3614', '38.1156', null]);
    const near = { longitude: 15, latitude: 37 };
    const found = await client.geoSearchWith('sicily', near, { radius: 200, unit: 'km' }, ['WITHDIST', 'WITHCOORD'],
      { SORT: 'ASC' });
    const rounded = ({ latitude }) => Number(latitude).toFixed(4);
    expect(found.map(({ member, distance, coordinates }) => [member, distance, rounded(coordinates)]),
      [['Catania', '56.4413', '37.5027'], ['Palermo', '190.4424', '38.1156']]);
    await expectAll([client.geoSearchStore('close', 'sicily', 'Catania', { width: 9, height: 9, unit: 'km' }),
      client.geoRadius('sicily', near, 100, 'km')], [1, ['Catania']]);
  },

  async 'scan iterators'(client) {
    await client.sAdd('set', manyNames);
    await client.hSet('hash', Object.fromEntries(manyNames.map((name) => [name, 'v'])));
    await client.zAdd('zset', manyNames.map((value) => ({ value, score: 1.5 })));
    await client.mSet(Object.fromEntries(manyNames.map((name) => [name, 'v'])));
    const unique = async (iterator, text = (item) => item) => sorted(new Set((await collect(iterator)).map(text)));
    expect(await unique(client.scanIterator({ MATCH: 'member*', COUNT: 100 })), sorted(manyNames));
    expect(await unique(client.scanIterator({ TYPE: 'zset' })), ['zset']);
    expect(await unique(client.sScanIterator('set')), sorted(manyNames));
    expect(await unique(client.hScanIterator('hash'), ({ field, value }) => field + value),
      sorted(manyNames.map((n) => n + 'v')));
    expect(await unique(client.zScanIterator('zset', { MATCH: 'member7?' }), ({ value, score }) => value + score),
      [...Array(10).keys()].map((i) => `member7${i}1.5`));
  },

  async sort(client) {
    await client.rPush('ids', ['3', '1', '2']);
    await client.mSet({ weight_1: '30', weight_2: '20', weight_3: '10' });
    await client.hSet('user:1', 'name', 'Anna');
    await expectAll([client.sort('ids'), client.sort('ids', { LIMIT: { offset: 0, count: 2 }, DIRECTION: 'DESC' })],
      [['1', '2', '3'], ['3', '2']]);
    expect(await client.sort('ids', { BY: 'weight_*', GET: ['#', 'user:*->name'] }),
      ['3', null, '2', null, '1', 'Anna']);
    await expectAll([client.sortStore('ids', 'copy', { BY: 'nosort' }), client.lRange('copy', 0, -1)],
      [3, ['3', '1', '2']]);
    await expectAll([client.sAdd('words', ['pear', 'apple']), client.sortRo('words', { ALPHA: true })],
      [2, ['apple', 'pear']]);
  },

  async 'dump and restore'(client) {
    await client.multi().set('string', 'x').rPush('list', manyNames).hSet('hash', 'f', 'v').sAdd('intset', ['1', '2'])
      .zAdd('zset', { value: 'm', score: 1.5 }).execAsPipeline();
    const binary = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
    for (const key of ['string', 'list', 'hash', 'intset', 'zset']) {
      const payload = await binary.dump(key);
      await expectAll([client.restore(`${key}2`, 0, payload), binary.dump(`${key}2`)], ['OK', payload]);
      await expectError('BUSYKEY', client.restore(key, 0, payload), ErrorReply);
      payload[1] ^= 1;
      await expectError('ERR DUMP payload version or checksum are wrong', client.restore('broken', 0, payload),
        ErrorReply);
    }
  },

  async 'large and binary values'(client) {
    const binary = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
    const large = randomBytes(1 << 24);
    await expectAll([client.set(everyByte, large), client.strLen(everyByte), binary.get(everyByte)],
      ['OK', 1 << 24, large]);
    await expectAll([client.hSet('hash', everyByte, everyByte), binary.hGet('hash', everyByte)], [1, everyByte]);
    await expectAll([client.zAdd('zset', { value: everyByte, score: 1 }), binary.zRange('zset', 0, -1)],
      [1, [everyByte]]);
    const elements = Array.from({ length: 100_000 }, (_, i) => String(i));
    await expectAll([client.rPush('list', elements), client.lRange('list', 0, -1)], [100_000, elements]);
    await expectAll([client.set('ünïcode', 'Schlüsselblume 🌼'), client.get('ünïcode')], ['OK', 'Schlüsselblume 🌼']);
  },

  async errors(client) {
    await client.set('string', 'text');
    await expectError(wrongType, client.lPush('string', '1'), ErrorReply);
    await expectError(wrongType, client.hGetAll('string'), ErrorReply);
    await expectError('ERR value is not an integer or out of range', client.incr('string'), ErrorReply);
    await expectError('ERR no such key', client.rename('none', 'other'), ErrorReply);
    await expectError("ERR unknown command 'NOSUCH'", client.sendCommand(['NOSUCH', '1']), ErrorReply);
    await expectError("ERR wrong number of arguments for 'get' command", client.sendCommand(['GET']), ErrorReply);
    await expectAll([client.get('string'), client.ping()], ['text', 'PONG']);
  },
};
