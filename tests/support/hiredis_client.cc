#include <hiredis/hiredis.h>

#include <csignal>

#include "tests/support/connection.h"
#include "tests/support/harness.h"

namespace cowslip::testing {

namespace {

Reply convert(const redisReply& from) {
  const std::string_view text(from.str != nullptr ? from.str : "", from.str != nullptr ? from.len : 0);
  switch (from.type) {
    case REDIS_REPLY_STATUS:
      return Reply::simple(text);
    case REDIS_REPLY_ERROR:
      return Reply::error(text);
    case REDIS_REPLY_INTEGER:
      return Reply::of_integer(from.integer);
    case REDIS_REPLY_NIL:
      return Reply::null();
    case REDIS_REPLY_STRING:
      return Reply::bulk(text);
    default:
      break;
  }
  Reply reply{Reply::Kind::kArray, {}, 0, {}};
  for (size_t i = 0; i < from.elements; ++i) reply.elements.push_back(convert(*from.element[i]));
  return reply;
}

Reply take(void* raw) {
  if (raw == nullptr) return {Reply::Kind::kClosed, {}, 0, {}};
  const Reply reply = convert(*static_cast<redisReply*>(raw));
  freeReplyObject(raw);
  return reply;
}

struct Pointers {
  explicit Pointers(const Arguments& arguments) {
    for (const auto& argument : arguments) texts.push_back(argument.data()), lengths.push_back(argument.size());
  }
  std::vector<const char*> texts;
  std::vector<size_t> lengths;
};

}  // namespace

void Client::Free::operator()(redisContext* context) const {
  redisFree(context);
}

Client::Client(const Endpoint& endpoint) {
  std::signal(SIGPIPE, SIG_IGN);  // hiredis writes with write(2): a closed connection must be an error, not the end
  context_.reset(endpoint.unix_path.empty() ? redisConnect(endpoint.host.c_str(), endpoint.port)
                                            : redisConnectUnix(endpoint.unix_path.c_str()));
  if (context_ == nullptr || context_->err != 0) {
    throw HarnessFailure(std::string("hiredis cannot connect: ") + (context_ ? context_->errstr : "out of memory"));
  }
  const auto limit = patience(std::chrono::seconds(60)).count() / 1000;
  redisSetTimeout(context_.get(), timeval{limit, 0});
}

Reply Client::command(const Arguments& arguments) {
  Pointers pointers(arguments);
  return take(redisCommandArgv(context_.get(), static_cast<int>(arguments.size()), pointers.texts.data(),
                               pointers.lengths.data()));
}

void Client::append(const Arguments& arguments) {
  Pointers pointers(arguments);
  redisAppendCommandArgv(context_.get(), static_cast<int>(arguments.size()), pointers.texts.data(),
                         pointers.lengths.data());
}

Reply Client::read() {
  void* raw = nullptr;
  return redisGetReply(context_.get(), &raw) == REDIS_OK ? take(raw) : take(nullptr);
}

}  // namespace cowslip::testing
