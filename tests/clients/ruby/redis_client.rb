#!/usr/bin/env ruby
# frozen_string_literal: true

# ruby-redis against the server on the port that is given: redis_client.rb PORT

require_relative 'harness'
require_relative 'data_types'
require_relative 'connections'

run 'ruby-redis'
