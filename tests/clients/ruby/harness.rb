# frozen_string_literal: true

# What the Ruby programs share: scenarios that print a line each, and expectations that say what came instead.

require 'redis'

PORT = Integer(ARGV.fetch(0))
PATIENCE_S = 30 # only what never comes reaches it

Redis.sadd_returns_boolean = false
Redis.exists_returns_integer = true
Thread.report_on_exception = false

SCENARIOS = {} # rubocop:disable Style/MutableConstant

# The block gets a client of an empty server.
def scenario(name, &block)
  SCENARIOS[name] = block
end

def connect(**options)
  Redis.new(host: '127.0.0.1', port: PORT, timeout: PATIENCE_S, **options)
end

def expect(actual, wanted)
  raise "got #{actual.inspect[0, 300]}, wanted #{wanted.inspect[0, 300]}" unless actual == wanted
end

def expect_error(kind, start)
  reply = yield
rescue kind => e
  raise "got the error '#{e.message}', wanted '#{start}'" unless e.message.start_with?(start)
else
  raise "got #{reply.inspect}, wanted the error '#{start}'"
end

# The first true answer of the block, which is called until there is one.
def eventually
  deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + PATIENCE_S
  until (answer = yield)
    raise 'waited in vain' if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline

    sleep 0.01
  end
  answer
end

# Runs all scenarios and ends the program: with 1 when one failed.
def run(client_name)
  $stdout.sync = true
  failed = SCENARIOS.count do |name, block|
    client = connect
    client.flushall
    block.call(client)
    client.close
    puts "ok      #{client_name}: #{name}"
  rescue StandardError => e
    puts e.full_message(highlight: false), "FAILED  #{client_name}: #{name}: #{e.message}"
    true
  end
  exit failed.zero?
end
