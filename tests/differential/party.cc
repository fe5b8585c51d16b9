#include "tests/differential/party.h"

namespace cowslip::testing {
namespace {

bool is_pong(const Reply& reply, const std::string& token) {
  if (reply.kind == Reply::Kind::kBulk) return reply.text == token;
  return reply.kind == Reply::Kind::kArray && reply.elements.size() == 2 && reply.elements[1].text == token;
}

}  // namespace

std::vector<Reply> hear(Connection& connection, const std::string& token) {
  connection.send(encode({"PING", token}));
  std::vector<Reply> heard;
  while (true) {
    heard.push_back(connection.read());
    if (heard.back().kind == Reply::Kind::kClosed) return heard;
    if (!is_pong(heard.back(), token)) continue;
    heard.pop_back();
    return heard;
  }
}

}  // namespace cowslip::testing
