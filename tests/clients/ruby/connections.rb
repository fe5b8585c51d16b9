# frozen_string_literal: true

# What connections do, as a user of ruby-redis meets it: pipelines to restarts; each reply is checked.

scenario 'pipelines' do |redis|
  replies = redis.pipelined { |pipeline| (1..10_000).each { |i| pipeline.rpush('list', i) } }
  expect replies, (1..10_000).to_a
  future = nil
  redis.pipelined do |pipeline|
    pipeline.set('a', 1)
    future = pipeline.incr('a')
  end
  expect future.value, 2
  expect_error(Redis::CommandError, WRONG_TYPE) { redis.pipelined { |p| [p.lpush('a', 1), p.incr('a')] } }
  expect redis.get('a'), '3'
end

scenario 'transactions' do |redis|
  expect redis.multi { |tx| [tx.set('a', 1), tx.incr('a'), tx.hset('h', 'f', 1), tx.zadd('z', 1, 'm')] },
         ['OK', 2, 1, true]
  committed = redis.watch('a') do
    value = Integer(redis.get('a'))
    redis.multi { |tx| tx.set('a', value * 10) }
  end
  expect [committed, redis.get('a')], [['OK'], '20']
  conflict = redis.watch('a') do
    connect.set('a', 'disturbed')
    redis.multi { |tx| tx.set('a', 'never') }
  end
  expect [conflict, redis.get('a')], [nil, 'disturbed']
  expect [redis.watch('a') { redis.unwatch }, redis.multi { |tx| tx.get('a') }], ['OK', ['disturbed']]
  expect_error(Redis::CommandError, "ERR unknown command 'NOSUCH'") { redis.multi { |tx| tx.call('NOSUCH') } }
end

scenario 'publish and subscribe' do |redis|
  seen = Queue.new
  subscriber = Thread.new do
    own = connect
    own.subscribe('news') do |on|
      on.subscribe { |channel, count| seen << ['subscribe', channel, count] }
      on.message { |channel, message| [seen << [channel, message], message == 'enough' && own.unsubscribe] }
      on.unsubscribe { |channel, count| seen << ['unsubscribe', channel, count] }
    end
    own.psubscribe('n*') do |on|
      on.psubscribe { |pattern, count| seen << ['psubscribe', pattern, count] }
      on.pmessage { |pattern, channel, message| [seen << [pattern, channel, message], own.punsubscribe] }
    end
    own.ping
  end
  expect seen.pop, ['subscribe', 'news', 1]
  expect [redis.publish('news', 'cowslip'), redis.pubsub('numsub', 'news'), redis.pubsub('channels')],
         [1, ['news', 1], ['news']]
  redis.publish('news', 'enough')
  expect [seen.pop, seen.pop, seen.pop], [%w[news cowslip], %w[news enough], ['unsubscribe', 'news', 0]]
  expect [seen.pop, redis.publish('news', 'again'), seen.pop], [['psubscribe', 'n*', 1], 1, %w[n* news again]]
  expect subscriber.value, 'PONG'
end

scenario 'subscription after a lost connection' do |redis|
  seen = Queue.new
  subscriber = Thread.new do
    connect.subscribe('news') do |on|
      on.subscribe { |channel, _| seen << channel }
      on.message { |channel, message| seen << [channel, message] }
    end
  end
  expect [seen.pop, redis.publish('news', 'one'), seen.pop], ['news', 1, %w[news one]]
  expect redis.call(%w[CLIENT KILL TYPE pubsub]), 1
  # The client subscribes anew by itself.
  expect [seen.pop, redis.publish('news', 'two'), seen.pop], ['news', 1, %w[news two]]
  subscriber.kill
end

# What the block returns, given a connection of its own, once it has blocked there and `other` is done.
def while_blocked(redis, other)
  thread = Thread.new { yield connect }
  eventually { redis.info('clients')['blocked_clients'] == '1' }
  other.call
  thread.value
end

scenario 'blocking pops' do |redis|
  expect [redis.blpop('none', timeout: 0.05), redis.bzpopmin('none', timeout: 0.05)], [nil, nil]
  redis.rpush('ready', [1, 2])
  expect [redis.blpop('none', 'ready'), redis.brpop('ready')], [%w[ready 1], %w[ready 2]]
  expect while_blocked(redis, -> { redis.rpush('b', 'x') }) { |own| own.blpop('a', 'b') }, %w[b x]
  expect while_blocked(redis, -> { redis.rpush('a', 'y') }) { |own| own.blmove('a', 'b', 'LEFT', 'RIGHT') }, 'y'
  expect while_blocked(redis, -> { redis.rpush('a', 'z') }) { |own| own.brpoplpush('a', 'b') }, 'z'
  expect redis.lrange('b', 0, -1), %w[z y]
  expect while_blocked(redis, -> { redis.zadd('z', [[1, 'm'], [2, 'n']]) }) { |own| own.bzpopmax('z') }, ['z', 'n', 2.0]
  pushed_twice = -> { redis.multi { |tx| [tx.rpush('q', 1), tx.rpush('q', 2)] } }
  expect while_blocked(redis, pushed_twice) { |own| own.call(%w[BLMPOP 0 1 q LEFT COUNT 5]) }, ['q', %w[1 2]]
  waiting = connect
  number = waiting.call(%w[CLIENT ID])
  expect while_blocked(redis, -> { redis.call(['CLIENT', 'UNBLOCK', number]) }) { waiting.blpop('a') }, nil
end

scenario 'client info' do |redis|
  named = connect(id: 'worker-7')
  info = named.call(%w[CLIENT INFO]).strip.split(' ').to_h { |field| field.split('=', 2) }
  expect info.values_at('name', 'db', 'cmd'), %w[worker-7 0 client|info]
  expect [named.client(:setname, 'other'), named.client(:getname)], %w[OK other]
  expect redis.client(:list).count { |entry| entry['name'] == 'other' }, 1
  third = connect(db: 3)
  expect [third.set('key', 1), redis.exists('key'), third.move('key', 0), redis.get('key')], ['OK', 0, true, '1']
end

scenario 'keyspace notifications' do |redis|
  expect redis.config(:set, 'notify-keyspace-events', 'KEA'), 'OK'
  seen = Queue.new
  subscriber = Thread.new do
    connect.psubscribe('__keyevent@0__:*') do |on|
      on.psubscribe { seen << :ready }
      on.pmessage { |_, channel, key| seen << [channel.split(':').last, key] }
    end
  end
  expect seen.pop, :ready
  redis.rpush('list', 1)
  redis.lpop('list')
  redis.sadd('set', 'm')
  redis.psetex('brief', 10, 1)
  expect Array.new(7) { seen.pop },
         [%w[rpush list], %w[lpop list], %w[del list], %w[sadd set], %w[set brief], %w[expire brief], %w[expired brief]]
  redis.config(:set, 'notify-keyspace-events', '')
  subscriber.kill
end

scenario 'restart with the snapshot' do |redis|
  redis.setex('string', 1000, 'kept')
  redis.rpush('list', (0...1000).to_a)
  redis.hset('hash', 'f', 'v')
  redis.sadd('set', %w[a b])
  redis.zadd('zset', 1.5, 'm')
  before = redis.info('server')['run_id']
  redis.shutdown
  after = eventually do
    redis.info('server')['run_id']
  rescue Redis::BaseConnectionError
    nil
  end
  expect before == after, false
  expect [redis.get('string'), redis.lrange('list', 0, -1)], ['kept', (0...1000).map(&:to_s)]
  expect [redis.hgetall('hash'), redis.smembers('set').sort], [{ 'f' => 'v' }, %w[a b]]
  expect [redis.zrange('zset', 0, -1, with_scores: true), (1..1000).cover?(redis.ttl('string'))], [[['m', 1.5]], true]
end
