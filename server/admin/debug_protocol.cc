#include "server/admin/debug_protocol.h"

#include <algorithm>

#include "base/text.h"

namespace cowslip::server {
namespace {

using protocol::ReplyWriter;

void write_string(ReplyWriter& reply) {
  reply.bulk("Hello World");
}
void write_integer(ReplyWriter& reply) {
  reply.integer(12345);
}
void write_double(ReplyWriter& reply) {
  reply.real(3.141);
}
void write_big_number(ReplyWriter& reply) {
  reply.big_number("1234567999999999999999999999999999999");
}
void write_null(ReplyWriter& reply) {
  reply.null();
}
void write_array(ReplyWriter& reply) {
  reply.array(3);
  for (int i = 0; i < 3; i++) reply.integer(i);
}
void write_set(ReplyWriter& reply) {
  reply.set(3);
  for (int i = 0; i < 3; i++) reply.integer(i);
}
void write_map(ReplyWriter& reply) {
  reply.map(3);
  for (int i = 0; i < 3; i++) {
    reply.integer(i);
    reply.boolean(i == 1);
  }
}
void write_attribute(ReplyWriter& reply) {
  if (reply.resp3()) {
    reply.attribute(1);
    reply.bulk("key-popularity");
    reply.array(2);
    reply.bulk("key:123");
    reply.integer(90);
  }
  reply.bulk("Some real reply following the attribute");
}
void write_push(ReplyWriter& reply) {
  if (!reply.resp3()) return reply.error("ERR RESP2 is not supported by this command");
  reply.push(2);
  reply.bulk("server-cpu-usage");
  reply.integer(42);
  // A push is not a reply: that comes after it.
  reply.bulk("Some real reply following the push reply");
}
void write_verbatim(ReplyWriter& reply) {
  reply.verbatim("This is a verbatim\nstring");
}
void write_true(ReplyWriter& reply) {
  reply.boolean(true);
}
void write_false(ReplyWriter& reply) {
  reply.boolean(false);
}

struct Example {
  std::string_view type;
  void (*write)(ReplyWriter& reply);
};
constexpr Example kExamples[] = {
    {"string", write_string},    {"integer", write_integer}, {"double", write_double},     {"bignum", write_big_number},
    {"null", write_null},        {"array", write_array},     {"set", write_set},           {"map", write_map},
    {"attrib", write_attribute}, {"push", write_push},       {"verbatim", write_verbatim}, {"true", write_true},
    {"false", write_false},
};

}  // namespace

bool reply_protocol_example(ReplyWriter& reply, std::string_view type) {
  const auto example =
      std::ranges::find_if(kExamples, [&](const Example& e) { return equals_ignore_case(e.type, type); });
  if (example == std::end(kExamples)) return false;
  example->write(reply);
  return true;
}

std::string protocol_example_error() {
  std::string types;
  for (const Example& example : kExamples) types.append(types.empty() ? "" : "|").append(example.type);
  return "ERR Wrong protocol type name. Please use one of the following: " + types;
}

}  // namespace cowslip::server
