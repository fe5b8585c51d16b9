<?php
// php-redis against the server on the port that is given: redis_client.php PORT
declare(strict_types=1);

require __DIR__ . '/harness.php';
require __DIR__ . '/data_types.php';
require __DIR__ . '/connections.php';

run('php-redis');
