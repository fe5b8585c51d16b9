# frozen_string_literal: true

# What the jobs of sidekiq_application.rb do; the sidekiq process loads this file.

require 'sidekiq'

Sidekiq.logger.level = Logger::FATAL
Redis.silence_deprecations = true # of the client, by its application

class Note
  include Sidekiq::Job

  def perform(text)
    Sidekiq.redis { |redis| redis.rpush('notes', text) }
  end
end

class FailOnce
  include Sidekiq::Job

  def perform(text)
    raise 'on purpose' if Sidekiq.redis { |redis| redis.incr('calls') } == 1

    Note.new.perform(text)
  end
end

class FailForEver
  include Sidekiq::Job
  sidekiq_options retry: 0

  def perform
    raise 'on purpose'
  end
end
