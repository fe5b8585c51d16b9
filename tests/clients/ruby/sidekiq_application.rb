#!/usr/bin/env ruby
# frozen_string_literal: true

# Sidekiq, a job queue, as an application on the server: sidekiq_application.rb PORT
#
# Its own process works the jobs off. Only its poller, which moves what is due of the scheduled jobs and of the retries,
# is a Lua script; here they are moved through its API, which is none.

require_relative 'harness'
ENV['REDIS_URL'] = "redis://127.0.0.1:#{PORT}/0"
require 'sidekiq/api'
require_relative 'sidekiq_jobs'

WORKER = Process.spawn('sidekiq', '--require', "#{__dir__}/sidekiq_jobs.rb", '--concurrency', '2',
                       '--queue', 'critical', '--queue', 'default')

at_exit do
  Process.kill('TERM', WORKER)
  Process.wait(WORKER)
end

def notes(redis, count)
  eventually { redis.llen('notes') == count }
  redis.lrange('notes', 0, -1)
end

scenario 'processes' do |_redis|
  eventually { Sidekiq::ProcessSet.new.size == 1 }
  expect Sidekiq::ProcessSet.new.map { |process| [process['concurrency'], process['queues']] },
         [[2, %w[critical default]]]
end

scenario 'jobs' do |redis|
  expect Note.perform_async('one').size, 24
  expect notes(redis, 1), %w[one]
  expect Note.perform_bulk((1..50).map { |i| ["bulk #{i}"] }).size, 50
  expect notes(redis, 51).drop(1).sort, (1..50).map { |i| "bulk #{i}" }.sort
  eventually { Sidekiq::Queue.new.size.zero? }
end

scenario 'several queues and their contents' do |_redis|
  expect Note.set(queue: 'nobody').perform_async('left').size, 24
  queue = Sidekiq::Queue.new('nobody')
  expect [queue.size, queue.map { |job| [job.klass, job.args] }], [1, [['Note', ['left']]]]
  expect [Sidekiq::Queue.all.map(&:name), queue.first.delete, queue.size], [%w[nobody], true, 0]
end

scenario 'failed jobs and retries' do |redis|
  FailOnce.perform_async('at the second try')
  retries = Sidekiq::RetrySet.new
  eventually { retries.size == 1 }
  expect retries.map { |job| [job.klass, job['error_message']] }, [['FailOnce', 'on purpose']]
  retries.each(&:retry)
  expect [notes(redis, 1), retries.size], [['at the second try'], 0]
end

scenario 'dead jobs' do |_redis|
  FailForEver.perform_async
  dead = Sidekiq::DeadSet.new
  eventually { dead.size == 1 }
  expect [dead.first.klass, dead.clear, dead.size], ['FailForEver', 1, 0]
end

scenario 'scheduled jobs' do |redis|
  Note.perform_in(3600, 'later')
  Note.perform_at(Time.now + 60, 'soon')
  scheduled = Sidekiq::ScheduledSet.new
  expect [scheduled.size, scheduled.map { |job| job.args.first }.sort], [2, %w[later soon]]
  scheduled.scan('soon').each(&:add_to_queue)
  expect [notes(redis, 1), scheduled.size], [%w[soon], 1]
end

run 'sidekiq'
