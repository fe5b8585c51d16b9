<?php
// What the PHP programs share: scenarios that print a line each, and expectations that say what came instead.
declare(strict_types=1);

const PATIENCE_S = 30; // only what never comes reaches it
define('PORT', (int) $argv[1]);

// The extension warns of some of what it cannot do; a warning is a failure here.
set_error_handler(function (int $level, string $message, string $file, int $line): never {
    throw new ErrorException($message, 0, $level, $file, $line);
});

/** @var array<string, callable(Redis): void> */
$scenarios = [];

/** The function gets a client of an empty server. */
function scenario(string $name, callable $function): void
{
    $GLOBALS['scenarios'][$name] = $function;
}

function connect(): Redis
{
    $redis = new Redis();
    $redis->connect('127.0.0.1', PORT);
    $redis->setOption(Redis::OPT_READ_TIMEOUT, PATIENCE_S);
    return $redis;
}

function expect(mixed $actual, mixed $wanted): void
{
    if ($actual !== $wanted) {
        throw new RuntimeException(sprintf('got %.300s, wanted %.300s', json_encode($actual), json_encode($wanted)));
    }
}

/** For ERR and WRONGTYPE this extension returns false and keeps the text, for all other errors it throws. */
function expect_error(Redis $redis, string $start, callable $call): void
{
    $redis->clearLastError();
    try {
        expect($call(), false);
        $error = (string) $redis->getLastError();
    } catch (RedisException $exception) {
        $error = $exception->getMessage();
    }
    if (!str_starts_with($error, $start)) {
        throw new RuntimeException("got the error '$error', wanted '$start'");
    }
}

function sorted(array $values): array
{
    sort($values);
    return $values;
}

/** The first true answer to the question, which is asked until there is one. */
function eventually(callable $question): mixed
{
    $deadline = microtime(true) + PATIENCE_S;
    while (!($answer = $question())) {
        if (microtime(true) > $deadline) {
            throw new RuntimeException('waited in vain');
        }
        usleep(10_000);
    }
    return $answer;
}

/** A process that runs a function with its own client, and hands over what it tells: fn(Redis, callable $tell). */
final class Companion
{
    private int $process;
    /** @var resource */
    private $stream;

    public function __construct(callable $function)
    {
        [$this->stream, $theirs] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
        $this->process = pcntl_fork();
        if ($this->process === 0) {
            try {
                $function(connect(), fn(mixed $what) => fwrite($theirs, json_encode($what) . "\n"));
            } finally {
                // Nothing of what was inherited is closed in an orderly way: that is the parent's business.
                posix_kill(posix_getpid(), SIGKILL);
            }
        }
        fclose($theirs);
        stream_set_timeout($this->stream, PATIENCE_S);
    }

    public function next(): mixed
    {
        $line = fgets($this->stream);
        return $line === false ? 'nothing came' : json_decode($line, true);
    }

    public function __destruct()
    {
        posix_kill($this->process, SIGKILL);
        pcntl_waitpid($this->process, $status);
    }
}

/** Runs all scenarios and ends the program: with 1 when one failed. */
function run(string $client_name): never
{
    $failed = 0;
    foreach ($GLOBALS['scenarios'] as $name => $function) {
        try {
            $redis = connect();
            $redis->flushAll();
            $function($redis);
            echo "ok      $client_name: $name\n";
        } catch (Throwable $error) {
            echo "$error\nFAILED  $client_name: $name: {$error->getMessage()}\n";
            $failed++;
        }
    }
    exit((int) ($failed > 0));
}
