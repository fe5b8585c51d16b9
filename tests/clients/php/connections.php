<?php
// What connections do, as a user of php-redis meets it: pipelines to restarts; each reply is checked.
declare(strict_types=1);

scenario('pipelines', function (Redis $redis): void {
    $pipeline = $redis->pipeline();
    for ($i = 0; $i < 10000; $i++) {
        $pipeline->rPush('list', $i);
    }
    expect($pipeline->exec(), range(1, 10000));
    expect($redis->pipeline()->set('a', 1)->lPush('a', 2)->incr('a')->exec(), [true, false, 2]);
});

scenario('transactions', function (Redis $redis): void {
    expect($redis->multi()->set('a', 1)->incr('a')->hSet('h', 'f', '1')->zAdd('z', 1, 'm')->exec(), [true, 2, 1, 1]);
    expect($redis->watch('a'), true);
    $value = (int) $redis->get('a');
    expect($redis->multi()->set('a', $value * 10)->exec(), [true]);
    $redis->watch(['a']);
    connect()->set('a', 'disturbed');
    expect([$redis->multi()->set('a', 'never')->exec(), $redis->get('a')], [false, 'disturbed']);
    expect([$redis->watch('a'), $redis->unwatch(), $redis->multi()->get('a')->discard()], [true, true, true]);
});

scenario('publish and subscribe', function (Redis $redis): void {
    $by_name = new Companion(fn(Redis $own, callable $tell) => $own->subscribe(['news', 'more'],
        function (Redis $own, string $channel, string $message) use ($tell): void {
            $tell([$channel, $message, $message === 'enough' ? $own->unsubscribe(['news']) : null]);
        }));
    $by_pattern = new Companion(fn(Redis $own, callable $tell) => $own->psubscribe(['n?ws', 'other'],
        fn(Redis $own, string ...$message) => $tell($message)));
    eventually(fn() => $redis->pubsub('numsub', ['news', 'more']) === ['news' => 1, 'more' => 1]);
    eventually(fn() => $redis->pubsub('numpat') === 2);
    expect(sorted($redis->pubsub('channels')), ['more', 'news']);
    expect([$redis->publish('news', 'cowslip'), $redis->publish('more', 'primrose')], [2, 1]);
    expect([$by_name->next(), $by_name->next()], [['news', 'cowslip', null], ['more', 'primrose', null]]);
    expect($by_pattern->next(), ['n?ws', 'news', 'cowslip']);
    expect([$redis->publish('news', 'enough'), $by_name->next()], [2, ['news', 'enough', ['news' => true]]]);
    expect([$redis->publish('news', 'again'), $redis->publish('more', 'again')], [1, 1]);
    expect($by_name->next(), ['more', 'again', null]);
});

scenario('subscription after a lost connection', function (Redis $redis): void {
    $companion = new Companion(function (Redis $own, callable $tell): void {
        for ($lost = 0; ; $lost++) {
            // Otherwise the extension may connect anew by itself, but it does not subscribe anew.
            $own->setOption(Redis::OPT_MAX_RETRIES, 0);
            try {
                $own->subscribe(['news'], fn(Redis $own, string $channel, string $message) => $tell([$lost, $message]));
            } catch (RedisException) {
                $own = connect();
            }
        }
    });
    $subscribers = fn() => $redis->pubsub('numsub', ['news'])['news'];
    eventually(fn() => $subscribers() === 1);
    expect([$redis->publish('news', 'one'), $companion->next()], [1, [0, 'one']]);
    expect($redis->rawCommand('CLIENT', 'KILL', 'TYPE', 'pubsub'), 1);
    eventually(fn() => $subscribers() === 1 && $redis->publish('news', 'two') === 1);
    expect($companion->next(), [1, 'two']);
});

/** What a blocking call returns in a process of its own, once it blocks there and $other is done. */
function while_blocked(Redis $redis, callable $blocking, callable $other): mixed
{
    $companion = new Companion(fn(Redis $own, callable $tell) => $tell($blocking($own)));
    eventually(fn() => $redis->info('clients')['blocked_clients'] === 1);
    $other();
    return $companion->next();
}

scenario('blocking pops', function (Redis $redis): void {
    expect([$redis->blPop(['none'], 1), $redis->bzPopMin(['none'], 1)], [[], []]);
    $redis->rPush('ready', 1, 2);
    expect([$redis->blPop('none', 'ready', 0), $redis->brPop(['ready'], 0)], [['ready', '1'], ['ready', '2']]);
    expect(while_blocked($redis, fn(Redis $own) => $own->blPop(['a', 'b'], 0), fn() => $redis->rPush('b', 'x')),
        ['b', 'x']);
    expect(while_blocked($redis, fn(Redis $own) => $own->brpoplpush('a', 'b', 0), fn() => $redis->rPush('a', 'y')),
        'y');
    expect(while_blocked($redis, fn(Redis $own) => $own->rawCommand('BLMOVE', 'a', 'b', 'LEFT', 'LEFT', '0'),
        fn() => $redis->rPush('a', 'z')), 'z');
    expect($redis->lRange('b', 0, -1), ['z', 'y']);
    expect(while_blocked($redis, fn(Redis $own) => $own->bzPopMax(['z'], 0),
        fn() => $redis->zAdd('z', 1.5, 'm', 2, 'n')),
        ['z', 'n', '2']);
    expect(while_blocked($redis, fn(Redis $own) => $own->rawCommand('BZMPOP', '0', '1', 'y', 'MIN', 'COUNT', '5'),
        fn() => $redis->multi()->zAdd('y', 1, 'm')->zAdd('y', 2, 'n')->exec()), ['y', [['m', '1'], ['n', '2']]]);
});

scenario('client info', function (Redis $redis): void {
    expect([$redis->client('setname', 'worker-7'), $redis->client('getname')], [true, 'worker-7']);
    parse_str(str_replace(' ', '&', trim($redis->rawCommand('CLIENT', 'INFO'))), $info);
    expect([$info['name'], $info['db'], $info['cmd']], ['worker-7', '0', 'client|info']);
    expect(count(array_filter($redis->client('list'), fn($client) => $client['name'] === 'worker-7')), 1);
    $third = connect();
    expect([$third->select(3), $third->set('key', 1), $redis->exists('key')], [true, true, 0]);
    expect([$third->move('key', 0), $redis->get('key'), $third->close()], [true, '1', true]);
});

scenario('keyspace notifications', function (Redis $redis): void {
    expect($redis->config('SET', 'notify-keyspace-events', 'KEA'), true);
    $companion = new Companion(fn(Redis $own, callable $tell) => $own->psubscribe(['__keyevent@0__:*'],
        fn(Redis $own, string $pattern, string $channel, string $key) => $tell([explode(':', $channel)[1], $key])));
    eventually(fn() => $redis->pubsub('numpat') === 1);
    $redis->rPush('list', 1);
    $redis->lPop('list');
    $redis->sAdd('set', 'm');
    $redis->psetex('brief', 10, 'x');
    $wanted = [['rpush', 'list'], ['lpop', 'list'], ['del', 'list'], ['sadd', 'set'], ['set', 'brief'],
        ['expire', 'brief'], ['expired', 'brief']];
    expect(array_map(fn() => $companion->next(), $wanted), $wanted);
    $redis->config('SET', 'notify-keyspace-events', '');
});

scenario('restart with the snapshot', function (Redis $redis): void {
    $redis->setex('string', 1000, 'kept');
    $redis->rPush('list', ...range(1, 1000));
    $redis->hSet('hash', 'f', 'v');
    $redis->sAdd('set', 'a', 'b');
    $redis->zAdd('zset', 1.5, 'm');
    $before = $redis->info('server')['run_id'];
    try {
        $redis->rawCommand('SHUTDOWN', 'SAVE');
    } catch (RedisException) {
        // The server is gone, as it should.
    }
    $redis = eventually(function () {
        try {
            return connect();
        } catch (RedisException) {
            return null;
        }
    });
    expect($redis->info('server')['run_id'] === $before, false);
    expect([$redis->get('string'), $redis->lRange('list', 0, -1)], ['kept', array_map(strval(...), range(1, 1000))]);
    expect([$redis->hGetAll('hash'), sorted($redis->sMembers('set'))], [['f' => 'v'], ['a', 'b']]);
    expect([$redis->zRange('zset', 0, -1, true), $redis->ttl('string') > 0], [['m' => 1.5], true]);
});
