// The requests behind the one that runs: parsed early, so that what they will look up can be on its way already
// (commands/key_prefetch.h).
//
// A look ahead is a guess about how the connection's own parser will read these bytes. It holds whole requests only. At
// one that is incomplete or wrong it stops, and what happens between two requests (AUTH, CONFIG SET) may change what
// the next ones are allowed: then the rest is dropped. In both cases the connection's parser goes on from there, with
// the limits of that moment, as if nobody had looked.
//
// Event loop only.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "commands/command_table.h"
#include "commands/key_prefetch.h"
#include "protocol/resp_parser.h"
#include "store/database.h"

namespace cowslip::server {

class LookAhead {
 public:
  static constexpr size_t kMostRequests = commands::KeyPrefetch<store::Database>::kMostRequests;

  // Looks at the requests at the front of `bytes`, which begin with a request and stay where they are until all were
  // taken or dropped. REQUIRES: empty().
  void look(std::string_view bytes, const protocol::ParserLimits& limits, const commands::CommandTable& table,
            const store::Database& database);

  bool empty() const { return next_ == count_; }
  // Drops everything unless what was looked at with these limits still holds.
  void drop_unless(const protocol::ParserLimits& limits) {
    if (limits != limits_) drop();
  }
  void drop() { next_ = count_ = 0; }
  // The next request, as its parser found it; valid until the next look(). REQUIRES: !empty().
  const protocol::RespParser& take() { return parsers_[next_++]; }

 private:
  std::array<protocol::RespParser, kMostRequests> parsers_;
  protocol::ParserLimits limits_;
  size_t count_ = 0;
  size_t next_ = 0;
};

}  // namespace cowslip::server
