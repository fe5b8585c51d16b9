<?php
// Every data type as a user of php-redis meets it; each reply is checked. What the extension has no method for goes
// through rawCommand(), as in applications.
declare(strict_types=1);

const WRONG_TYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value';

scenario('strings and expiry', function (Redis $redis): void {
    expect($redis->set('flower', 'cowslip', ['ex' => 100]), true);
    expect([$redis->get('flower'), $redis->ttl('flower'), $redis->get('none')], ['cowslip', 100, false]);
    expect([$redis->set('flower', 'other', ['nx']), $redis->set('flower', 'primrose', ['xx', 'keepttl'])],
        [false, true]);
    expect([$redis->ttl('flower'), $redis->persist('flower'), $redis->ttl('flower'), $redis->ttl('none')],
        [100, true, -1, -2]);
    expect([$redis->mset(['a' => '1', 'b' => '2']), $redis->mget(['a', 'none', 'b'])], [true, ['1', false, '2']]);
    expect([$redis->incrBy('a', 41), $redis->decr('b'), $redis->incrByFloat('a', 0.5)], [42, 1, 42.5]);
    expect([$redis->append('flower', '!'), $redis->getRange('flower', 0, 2), $redis->strlen('flower')], [9, 'pri', 9]);
    expect([$redis->setRange('flower', 8, '?'), $redis->getSet('flower', 'x'), $redis->setnx('flower', 'y')],
        [9, 'primrose?', false]);
    expect([$redis->expire('a', 100), $redis->rawCommand('EXPIRE', 'a', '50', 'GT'), $redis->exists('a', 'b', 'c')],
        [true, 0, 2]);
    expect($redis->psetex('brief', 20, 'x'), true);
    eventually(fn() => $redis->get('brief') === false);
    expect([$redis->rename('a', 'd'), $redis->type('d'), sorted($redis->keys('*'))],
        [true, Redis::REDIS_STRING, ['b', 'd', 'flower']]);
    expect([$redis->unlink('b', 'd', 'none'), $redis->dbSize(), $redis->randomKey()], [2, 1, 'flower']);
});

scenario('lists', function (Redis $redis): void {
    expect([$redis->rPush('list', 'b', 'c', 'd'), $redis->lPush('list', 'a'), $redis->rPushx('none', 'x')], [3, 4, 0]);
    expect([$redis->lRange('list', 0, -1), $redis->lIndex('list', -1), $redis->lLen('list')],
        [['a', 'b', 'c', 'd'], 'd', 4]);
    expect([$redis->lInsert('list', Redis::BEFORE, 'b', 'x'), $redis->lSet('list', 0, 'A'),
        $redis->lRem('list', 'x', 0)],
        [5, true, 1]);
    expect([$redis->lPop('list'), $redis->rPop('list'), $redis->lPop('none')], ['A', 'd', false]);
    expect([$redis->rpoplpush('list', 'other'), $redis->rawCommand('LMOVE', 'list', 'other', 'LEFT', 'RIGHT')],
        ['c', 'b']);
    expect([$redis->lRange('other', 0, -1), $redis->exists('list')], [['c', 'b'], 0]);
    expect([$redis->rPush('other', 'c', 'x'), $redis->rawCommand('LPOS', 'other', 'c', 'COUNT', '0')], [4, [0, 2]]);
    expect([$redis->lTrim('other', 0, 2), $redis->rawCommand('LMPOP', '2', 'none', 'other', 'RIGHT', 'COUNT', '2')],
        [true, ['other', ['c', 'b']]]);
});

scenario('hashes', function (Redis $redis): void {
    expect([$redis->hSet('hash', 'name', 'cowslip'), $redis->hSet('hash', 'name', 'primula')], [1, 0]);
    expect($redis->hMSet('hash', ['petals' => '5', 'colour' => 'yellow']), true);
    expect($redis->hGetAll('hash'), ['name' => 'primula', 'petals' => '5', 'colour' => 'yellow']);
    expect($redis->hMGet('hash', ['petals', 'none']), ['petals' => '5', 'none' => false]);
    expect([$redis->hIncrBy('hash', 'petals', 2), $redis->hIncrByFloat('hash', 'petals', 0.5)], [7, 7.5]);
    expect([$redis->hExists('hash', 'name'), $redis->hSetNx('hash', 'name', 'x'), $redis->hStrLen('hash', 'name')],
        [true, false, 7]);
    expect([sorted($redis->hKeys('hash')), sorted($redis->hVals('hash'))],
        [['colour', 'name', 'petals'], ['7.5', 'primula', 'yellow']]);
    expect(count($redis->rawCommand('HRANDFIELD', 'hash', '-5', 'WITHVALUES')), 10);
    expect([$redis->hDel('hash', 'name', 'none'), $redis->hGet('hash', 'name'), $redis->hLen('hash')], [1, false, 2]);
    $redis->hMSet('hash', array_fill_keys(array_map(fn($i) => "field$i", range(0, 999)), 'v'));
    expect([$redis->hGet('hash', 'field999'), $redis->object('encoding', 'hash')], ['v', 'hashtable']);
});

scenario('sets', function (Redis $redis): void {
    expect([$redis->sAdd('a', 1, 2, 3), $redis->sAdd('a', 3), $redis->sAdd('b', 2, 3, 4)], [3, 0, 3]);
    expect([sorted($redis->sMembers('a')), $redis->sCard('a')], [['1', '2', '3'], 3]);
    expect([$redis->sIsMember('a', 1), $redis->sMisMember('a', '1', '9')], [true, [1, 0]]);
    expect([sorted($redis->sInter('a', 'b')), sorted($redis->sUnion('a', 'b')), $redis->sDiff('a', 'b')],
        [['2', '3'], ['1', '2', '3', '4'], ['1']]);
    expect([$redis->sInterStore('c', 'a', 'b'), $redis->sUnionStore('d', 'a', 'b'), $redis->sDiffStore('e', 'a', 'b')],
        [2, 4, 1]);
    expect([$redis->sMove('a', 'b', 1), $redis->sRem('b', 1, 'x'), $redis->rawCommand('SINTERCARD', '2', 'b', 'c')],
        [true, 1, 2]);
    expect([count($redis->sRandMember('c', -7)), sorted($redis->sPop('d', 10)), $redis->sPop('d')],
        [7, ['1', '2', '3', '4'], false]);
});

scenario('sorted sets', function (Redis $redis): void {
    expect($redis->zAdd('z', 1, 'a', 2, 'b', 3, 'c'), 3);
    expect([$redis->rawCommand('ZADD', 'z', 'GT', 'CH', '0.5', 'a', '9', 'b'), $redis->zAdd('z', ['NX'], 4, 'd')],
        [1, 1]);
    expect($redis->zIncrBy('z', 1, 'd'), 5.0);
    expect($redis->zRange('z', 0, -1, true), ['a' => 1.0, 'c' => 3.0, 'd' => 5.0, 'b' => 9.0]);
    expect($redis->rawCommand('ZRANGE', 'z', '(1', '+inf', 'BYSCORE', 'LIMIT', '0', '2'), ['c', 'd']);
    expect($redis->zRangeByScore('z', '3', '5', ['withscores' => true, 'limit' => [1, 1]]), ['d' => 5.0]);
    expect([$redis->zRevRangeByScore('z', '+inf', '(3'), $redis->zRevRange('z', 0, 0, true)],
        [['b', 'd'], ['b' => 9.0]]);
    expect([$redis->zRank('z', 'b'), $redis->zRevRank('z', 'b'), $redis->zScore('z', 'none')], [3, 0, false]);
    expect([$redis->zIncrBy('z', -0.5, 'a'), $redis->zCard('z'), $redis->zCount('z', '-inf', '(5')], [0.5, 4, 2]);
    $redis->zAdd('y', 10, 'c', 11, 'e');
    expect([$redis->zUnionStore('u', ['z', 'y'], [2, 1], 'MAX'), $redis->zInterStore('i', ['z', 'y'])], [5, 1]);
    expect([$redis->zScore('u', 'b'), $redis->zScore('i', 'c')], [18.0, 13.0]);
    expect([$redis->rawCommand('ZDIFF', '2', 'y', 'z'), $redis->rawCommand('ZMSCORE', 'z', 'a', 'none')],
        [['e'], ['0.5', false]]);
    expect([$redis->zPopMin('z'), $redis->zPopMax('z', 2)], [['a' => 0.5], ['b' => 9.0, 'd' => 5.0]]);
    expect($redis->rawCommand('ZMPOP', '2', 'none', 'z', 'MAX'), ['z', [['c', '3']]]);
    $redis->zAdd('lex', 0, 'a', 0, 'b', 0, 'c', 0, 'd', 0, 'e');
    expect([$redis->zRangeByLex('lex', '[b', '(e'), $redis->zRevRangeByLex('lex', '+', '[c', 0, 2)],
        [['b', 'c', 'd'], ['e', 'd']]);
    expect([$redis->zLexCount('lex', '-', '[b'), $redis->zRemRangeByLex('lex', '-', '[b')], [2, 2]);
    expect([$redis->zRemRangeByRank('lex', 0, 0), $redis->zRemRangeByScore('lex', '0', '0'),
        $redis->zRem('u', 'e', 'x')], [1, 2, 1]);
});

scenario('bitmaps', function (Redis $redis): void {
    expect([$redis->setBit('bits', 7, true), $redis->setBit('bits', 7, true), $redis->getBit('bits', 7)], [0, 1, 1]);
    expect([$redis->set('other', "\x0f"), $redis->bitOp('XOR', 'both', 'bits', 'other'), $redis->get('both')],
        [true, 1, "\x0e"]);
    expect([$redis->bitCount('both'), $redis->bitpos('both', 1)], [3, 4]);
    expect($redis->rawCommand('BITFIELD', 'counters', 'OVERFLOW', 'SAT', 'SET', 'u8', '0', '250', 'INCRBY', 'u8', '0',
        '9'), [0, 255]);
});

scenario('hyperloglogs', function (Redis $redis): void {
    expect([$redis->pfAdd('one', range(1, 100)), $redis->pfAdd('one', ['1']), $redis->pfAdd('two', range(51, 150))],
        [1, 0, 1]);
    expect([$redis->pfMerge('all', ['one', 'two']), abs($redis->pfCount('all') - 150) <= 5], [true, true]);
    expect($redis->pfCount(['one', 'two']), $redis->pfCount('all'));
});

scenario('geo', function (Redis $redis): void {
    expect($redis->geoadd('sicily', 13.361389, 38.115556, 'Palermo', 15.087269, 37.502669, 'Catania'), 2);
    expect([$redis->geodist('sicily', 'Palermo', 'Catania', 'km'), $redis->geohash('sicily', 'Palermo')],
        [166.2742, ['sqc8b49rny0']]);
    expect(array_map(fn($degrees) => round((float) $degrees, 4), $redis->geopos('sicily', 'Palermo')[0]),
        [13.3614, 38.1156]);
    expect($redis->georadius('sicily', 15, 37, 200, 'km', ['WITHDIST', 'ASC']),
        [['Catania', '56.4413'], ['Palermo', '190.4424']]);
    expect($redis->georadiusbymember('sicily', 'Palermo', 200, 'km', ['count' => 1]), ['Palermo']);
    expect($redis->rawCommand('GEOSEARCH', 'sicily', 'FROMMEMBER', 'Palermo', 'BYBOX', '400', '400', 'km', 'DESC'),
        ['Catania', 'Palermo']);
});

scenario('scan iterators', function (Redis $redis): void {
    $redis->setOption(Redis::OPT_SCAN, Redis::SCAN_RETRY);
    $names = array_map(fn($i) => "member$i", range(0, 1499));
    $redis->sAdd('set', ...$names);
    $redis->hMSet('hash', array_fill_keys($names, 'v'));
    $redis->zAdd('zset', ...array_merge(...array_map(fn($name) => [1.5, $name], $names)));
    $redis->mset(array_combine(array_map(fn($name) => "string:$name", $names), $names));
    $all = function (callable $page): array {
        $found = [];
        for ($cursor = null; ($part = $page($cursor)) !== false;) {
            $found = array_is_list($part) ? array_merge($found, $part) : $found + $part;
        }
        return $found;
    };
    $found = $all(function (&$cursor) use ($redis) { return $redis->scan($cursor, 'string:*', 100); });
    expect(sorted(array_unique($found)), sorted(array_map(fn($name) => "string:$name", $names)));
    expect(sorted(array_unique($all(function (&$cursor) use ($redis) { return $redis->sScan('set', $cursor); }))),
        sorted($names));
    $fields = $all(function (&$cursor) use ($redis) { return $redis->hScan('hash', $cursor); });
    expect([count($fields), array_unique(array_values($fields))], [1500, ['v']]);
    $scores = $all(function (&$cursor) use ($redis) { return $redis->zScan('zset', $cursor, 'member1?'); });
    expect([count($scores), $scores['member17']], [10, 1.5]);
});

scenario('sort', function (Redis $redis): void {
    $redis->rPush('ids', 3, 1, 2);
    $redis->mset(['weight_1' => '30', 'weight_2' => '20', 'weight_3' => '10']);
    foreach ([1, 2, 3] as $i) {
        $redis->hSet("user:$i", 'name', "user $i");
    }
    expect([$redis->sort('ids'), $redis->sort('ids', ['sort' => 'desc', 'limit' => [0, 2]])],
        [['1', '2', '3'], ['3', '2']]);
    expect($redis->sort('ids', ['by' => 'weight_*', 'get' => ['#', 'user:*->name']]),
        ['3', 'user 3', '2', 'user 2', '1', 'user 1']);
    expect([$redis->sort('ids', ['by' => 'nosort', 'store' => 'copy']), $redis->lRange('copy', 0, -1)],
        [3, ['3', '1', '2']]);
    $redis->sAdd('words', 'pear', 'apple');
    expect($redis->sort('words', ['alpha' => true]), ['apple', 'pear']);
});

scenario('dump and restore', function (Redis $redis): void {
    $redis->set('string', 'x');
    $redis->rPush('list', ...range(0, 299));
    $redis->hSet('hash', 'f', 'v');
    $redis->sAdd('intset', 1, 2);
    $redis->zAdd('zset', 1.5, 'm');
    foreach (['string', 'list', 'hash', 'intset', 'zset'] as $key) {
        $payload = $redis->dump($key);
        expect([$redis->restore("{$key}2", 0, $payload), $redis->dump("{$key}2") === $payload], [true, true]);
        expect_error($redis, 'BUSYKEY', fn() => $redis->restore($key, 0, $payload));
        $payload[1] = $payload[1] ^ "\x01";
        expect_error($redis, 'ERR DUMP payload version or checksum', fn() => $redis->restore('x', 0, $payload));
    }
});

scenario('large and binary values', function (Redis $redis): void {
    $large = str_repeat(random_bytes(1 << 20), 16);
    $everything = implode('', array_map(chr(...), range(0, 255))) . "\r\n$-1\r\n\0";
    expect([$redis->set($everything, $large), $redis->strlen($everything), $redis->get($everything) === $large],
        [true, 1 << 24, true]);
    expect([$redis->hSet('hash', $everything, $everything), $redis->hGetAll('hash') === [$everything => $everything]],
        [1, true]);
    expect([$redis->sAdd('set', $everything, ''), sorted($redis->sMembers('set')) === ['', $everything]], [2, true]);
    $elements = array_map(strval(...), range(1, 100000));
    expect([$redis->rPush('list', ...$elements), $redis->lRange('list', 0, -1) === $elements], [100000, true]);
});

scenario('errors', function (Redis $redis): void {
    $redis->set('string', 'text');
    expect_error($redis, WRONG_TYPE, fn() => $redis->lPush('string', 1));
    expect_error($redis, WRONG_TYPE, fn() => $redis->sMembers('string'));
    expect_error($redis, 'ERR value is not an integer or out of range', fn() => $redis->incr('string'));
    expect_error($redis, 'ERR no such key', fn() => $redis->rename('none', 'other'));
    expect_error($redis, "ERR unknown command 'NOSUCH'", fn() => $redis->rawCommand('NOSUCH', '1'));
    expect_error($redis, "ERR wrong number of arguments for 'get' command", fn() => $redis->rawCommand('GET'));
    expect([$redis->get('string'), $redis->ping()], ['text', true]);
});
