# frozen_string_literal: true

# Every data type as a user of ruby-redis meets it; each reply is checked.

WRONG_TYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value'

scenario 'strings and expiry' do |redis|
  expect redis.set('flower', 'cowslip', ex: 100), 'OK'
  expect [redis.get('flower'), redis.ttl('flower'), redis.get('none')], ['cowslip', 100, nil]
  expect redis.set('flower', 'other', nx: true), false
  expect redis.set('flower', 'primrose', xx: true, keepttl: true, get: true), 'cowslip'
  expect [redis.ttl('flower'), redis.persist('flower'), redis.ttl('flower')], [100, true, -1]
  expect [redis.mset('a', 1, 'b', 2), redis.mapped_mget('a', 'b', 'c')], ['OK', { 'a' => '1', 'b' => '2', 'c' => nil }]
  expect [redis.incrby('a', 41), redis.decr('b'), redis.incrbyfloat('a', 0.5)], [42, 1, 42.5]
  expect [redis.append('flower', '!'), redis.getrange('flower', -3, -1), redis.strlen('flower')], [9, 'se!', 9]
  expect [redis.getex('flower', ex: 10), redis.getdel('flower'), redis.exists('flower')], ['primrose!', 'primrose!', 0]
  expect [redis.setnx('a', 1), redis.expire('a', 100, gt: true), redis.expire('a', 100, nx: true)], [false, false, true]
  expect redis.psetex('brief', 20, 'x'), 'OK'
  eventually { redis.get('brief').nil? }
  expect [redis.copy('a', 'c'), redis.rename('c', 'd'), redis.type('d'), redis.keys.sort],
         [true, 'OK', 'string', %w[a b d]]
  expect [redis.unlink('a', 'b', 'none'), redis.dbsize, redis.randomkey], [2, 1, 'd']
end

scenario 'lists' do |redis|
  expect [redis.rpush('list', %w[b c d]), redis.lpush('list', 'a'), redis.rpushx('none', 'x')], [3, 4, 0]
  expect [redis.lrange('list', 0, -1), redis.lindex('list', -1), redis.llen('list')], [%w[a b c d], 'd', 4]
  expect [redis.linsert('list', :before, 'b', 'x'), redis.lset('list', 0, 'A'), redis.lrem('list', 0, 'x')],
         [5, 'OK', 1]
  expect [redis.lpop('list'), redis.rpop('list', 2), redis.lpop('none')], ['A', %w[d c], nil]
  expect [redis.lmove('list', 'other', 'LEFT', 'RIGHT'), redis.exists('list')], ['b', 0]
  redis.rpush('other', %w[x b])
  expect [redis.rpoplpush('other', 'other'), redis.lrange('other', 0, -1)], ['b', %w[b b x]]
  expect redis.call(%w[LPOS other b COUNT 0]), [0, 1]
  expect [redis.ltrim('other', 0, 1), redis.call(%w[LMPOP 2 none other LEFT COUNT 9])], ['OK', ['other', %w[b b]]]
end

scenario 'hashes' do |redis|
  expect [redis.hset('hash', 'name', 'cowslip', 'petals', 5), redis.hset('hash', { 'name' => 'primula' })], [2, 0]
  expect redis.hgetall('hash'), { 'name' => 'primula', 'petals' => '5' }
  expect redis.mapped_hmget('hash', 'petals', 'none'), { 'petals' => '5', 'none' => nil }
  expect [redis.hincrby('hash', 'petals', 2), redis.hincrbyfloat('hash', 'petals', 0.5)], [7, 7.5]
  expect [redis.hexists('hash', 'name'), redis.hsetnx('hash', 'name', 'x'), redis.hlen('hash')], [true, false, 2]
  expect [redis.hkeys('hash').sort, redis.hvals('hash').sort], [%w[name petals], %w[7.5 primula]]
  expect redis.hrandfield('hash', 5, with_values: true).sort, [%w[name primula], %w[petals 7.5]]
  expect [redis.hdel('hash', 'name', 'none'), redis.hget('hash', 'name')], [1, nil]
  redis.mapped_hmset('hash', (0...1000).to_h { |i| ["field#{i}", i] })
  expect [redis.hget('hash', 'field999'), redis.object('encoding', 'hash')], %w[999 hashtable]
end

scenario 'sets' do |redis|
  expect [redis.sadd('a', [1, 2, 3]), redis.sadd?('a', 3), redis.sadd('b', [2, 3, 4])], [3, false, 3]
  expect [redis.smembers('a').sort, redis.sismember('a', 1), redis.smismember('a', 1, 9)],
         [%w[1 2 3], true, [true, false]]
  expect [redis.sinter('a', 'b').sort, redis.sunion('a', 'b').sort, redis.sdiff('a', 'b')],
         [%w[2 3], %w[1 2 3 4], %w[1]]
  expect [redis.sinterstore('c', 'a', 'b'), redis.sunionstore('d', 'a', 'b'), redis.sdiffstore('e', 'a', 'b')],
         [2, 4, 1]
  expect [redis.smove('a', 'b', 1), redis.srem?('b', 1), redis.scard('b')], [true, true, 3]
  expect [redis.srandmember('c', -7).size, redis.spop('d', 10).sort, redis.spop('d')], [7, %w[1 2 3 4], nil]
  expect redis.call(%w[SINTERCARD 2 b c LIMIT 1]), 1
end

scenario 'sorted sets' do |redis|
  expect redis.zadd('z', [[1, 'a'], [2, 'b'], [3, 'c']]), 3
  expect redis.zadd('z', [[0.5, 'a'], [9, 'b']], gt: true, ch: true), 1
  expect [redis.zadd('z', 4, 'd', nx: true), redis.zadd('z', 1, 'd', incr: true)], [true, 5.0]
  expect redis.zrange('z', 0, -1, with_scores: true), [['a', 1.0], ['c', 3.0], ['d', 5.0], ['b', 9.0]]
  expect redis.zrange('z', '(1', '+inf', by_score: true, limit: [0, 2]), %w[c d]
  expect redis.zrange('z', '+inf', 3, by_score: true, rev: true), %w[b d c]
  expect redis.zrangebyscore('z', 3, 5, with_scores: true), [['c', 3.0], ['d', 5.0]]
  expect [redis.zrank('z', 'b'), redis.zrevrank('z', 'b'), redis.zscore('z', 'b'), redis.zmscore('z', 'a', 'x')],
         [3, 0, 9.0, [1.0, nil]]
  expect [redis.zincrby('z', '-inf', 'a'), redis.zcount('z', '-inf', '(5')], [-Float::INFINITY, 2]
  redis.zadd('y', [[10, 'c'], [11, 'e']])
  expect redis.zunion('z', 'y', weights: [2, 1], aggregate: :max, with_scores: true).last(2), [['e', 11.0], ['b', 18.0]]
  expect [redis.zinter('z', 'y', with_scores: true), redis.zdiff('y', 'z')], [[['c', 13.0]], ['e']]
  expect [redis.zunionstore('u', %w[z y]), redis.zinterstore('i', %w[z y]), redis.zdiffstore('d', %w[z y])], [5, 1, 3]
  expect [redis.zrangestore('r', 'z', 1, 2), redis.zrange('r', 0, -1)], [2, %w[c d]]
  expect [redis.zpopmin('z'), redis.zpopmax('z', 2)], [['a', -Float::INFINITY], [['b', 9.0], ['d', 5.0]]]
  expect redis.call(%w[ZMPOP 2 none z MIN]), ['z', [%w[c 3]]]
  redis.zadd('lex', %w[a b c d e].map { |member| [0, member] })
  expect [redis.zrangebylex('lex', '[b', '(e'), redis.zrevrangebylex('lex', '+', '[c', limit: [0, 2])],
         [%w[b c d], %w[e d]]
  expect [redis.zremrangebyrank('lex', 0, 1), redis.zremrangebyscore('lex', 0, 0), redis.zrem('u', 'e')], [2, 3, true]
end

scenario 'bitmaps' do |redis|
  expect [redis.setbit('bits', 7, 1), redis.setbit('bits', 7, 1), redis.getbit('bits', 7)], [0, 1, 1]
  redis.set('other', "\x0f")
  expect [redis.bitop('XOR', 'both', 'bits', 'other'), redis.get('both')], [1, "\x0e"]
  expect [redis.bitcount('both'), redis.bitpos('both', 1), redis.bitpos('both', 1, 1)], [3, 4, -1]
  expect redis.call(%w[BITFIELD counters OVERFLOW FAIL SET u8 0 250 INCRBY u8 0 10]), [0, nil]
end

scenario 'hyperloglogs' do |redis|
  expect [redis.pfadd('one', (0...100).to_a), redis.pfadd('one', 1), redis.pfadd('two', (50...150).to_a)],
         [true, false, true]
  expect (145..155).cover?(redis.pfcount('one', 'two')), true
  expect [redis.pfmerge('all', 'one', 'two'), redis.pfcount('all')], [true, redis.pfcount('one', 'two')]
end

scenario 'geo' do |redis|
  expect redis.geoadd('sicily', 13.361389, 38.115556, 'Palermo', 15.087269, 37.502669, 'Catania'), 2
  expect [redis.geodist('sicily', 'Palermo', 'Catania', 'km'), redis.geohash('sicily', 'Palermo')],
         ['166.2742', ['sqc8b49rny0']]
  expect redis.geopos('sicily', %w[Palermo none]).first.map { |degrees| degrees.to_f.round(4) }, [13.3614, 38.1156]
  expect redis.georadius('sicily', 15, 37, 200, 'km', sort: 'asc', options: :WITHDIST),
         [%w[Catania 56.4413], %w[Palermo 190.4424]]
  expect redis.georadiusbymember('sicily', 'Palermo', 200, 'km', sort: 'desc', count: 1), %w[Catania]
  expect redis.call(%w[GEOSEARCH sicily FROMMEMBER Palermo BYBOX 400 400 km ASC]), %w[Palermo Catania]
end

scenario 'scan iterators' do |redis|
  names = (0...1500).map { |i| "member#{i}" }
  redis.sadd('set', names)
  redis.mapped_hmset('hash', names.to_h { |name| [name, 'v'] })
  redis.zadd('zset', names.map { |name| [1.5, name] })
  redis.mapped_mset(names.to_h { |name| ["string:#{name}", 1] })
  expect redis.scan_each(match: 'string:*', count: 100).to_a.uniq.sort, names.map { |name| "string:#{name}" }.sort
  expect %w[set hash zset].map { |type| redis.scan_each(type: type).to_a.uniq }, [%w[set], %w[hash], %w[zset]]
  expect redis.sscan_each('set').to_a.uniq.sort, names.sort
  expect redis.hscan_each('hash').to_h, names.to_h { |name| [name, 'v'] }
  expect redis.zscan_each('zset', match: 'member1?').to_a.uniq.sort, (0..9).map { |i| ["member1#{i}", 1.5] }
end

scenario 'sort' do |redis|
  redis.rpush('ids', [3, 1, 2])
  redis.mset('weight_1', 30, 'weight_2', 20, 'weight_3', 10)
  (1..3).each { |i| redis.hset("user:#{i}", 'name', "user #{i}") }
  expect [redis.sort('ids'), redis.sort('ids', order: 'DESC', limit: [0, 2])], [%w[1 2 3], %w[3 2]]
  expect redis.sort('ids', by: 'weight_*', get: ['#', 'user:*->name']),
         [['3', 'user 3'], ['2', 'user 2'], ['1', 'user 1']]
  expect [redis.sort('ids', by: 'nosort', store: 'copy'), redis.lrange('copy', 0, -1)], [3, %w[3 1 2]]
  redis.sadd('words', %w[pear apple])
  expect redis.sort('words', order: 'ALPHA'), %w[apple pear]
end

scenario 'dump and restore' do |redis|
  redis.set('string', 'x')
  redis.rpush('list', (0...300).to_a)
  redis.hset('hash', 'f', 'v')
  redis.sadd('intset', [1, 2])
  redis.zadd('zset', 1.5, 'm')
  %w[string list hash intset zset].each do |key|
    payload = redis.dump(key)
    expect [redis.restore("#{key}2", 0, payload), redis.dump("#{key}2")], ['OK', payload]
    expect_error(Redis::CommandError, 'BUSYKEY') { redis.restore(key, 0, payload) }
    expect redis.restore(key, 1000, payload, replace: true), 'OK'
    payload.setbyte(1, payload.getbyte(1) ^ 1)
    expect_error(Redis::CommandError, 'ERR DUMP payload version or checksum') { redis.restore('x', 0, payload) }
  end
end

scenario 'large and binary values' do |redis|
  large = Random.bytes(1 << 20) * 16
  everything = "#{(0..255).to_a.pack('C*')}\r\n$-1\r\n\0".b
  expect [redis.set(everything, large), redis.strlen(everything)], ['OK', 1 << 24]
  expect redis.get(everything).b == large, true
  redis.hset('hash', everything, everything)
  redis.sadd('set', [everything, ''])
  expect [redis.hgetall('hash').to_a.flatten.map(&:b), redis.smembers('set').map(&:b).sort],
         [[everything] * 2, ['', everything]]
  elements = (0...100_000).map(&:to_s)
  expect [redis.rpush('list', elements), redis.lrange('list', 0, -1) == elements], [100_000, true]
  expect [redis.set('ünïcode', 'Schlüsselblume 🌼'), redis.get('ünïcode')], ['OK', 'Schlüsselblume 🌼']
end

scenario 'errors' do |redis|
  redis.set('string', 'text')
  expect_error(Redis::CommandError, WRONG_TYPE) { redis.lpush('string', 1) }
  expect_error(Redis::CommandError, WRONG_TYPE) { redis.hgetall('string') }
  expect_error(Redis::CommandError, 'ERR value is not an integer or out of range') { redis.incr('string') }
  expect_error(Redis::CommandError, 'ERR no such key') { redis.rename('none', 'other') }
  expect_error(Redis::CommandError, "ERR unknown command 'NOSUCH'") { redis.call(['NOSUCH', 1]) }
  expect_error(Redis::CommandError, "ERR wrong number of arguments for 'get' command") { redis.call(['GET']) }
  expect [redis.get('string'), redis.ping], %w[text PONG]
end
