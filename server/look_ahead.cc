#include "server/look_ahead.h"

namespace cowslip::server {

void LookAhead::look(std::string_view bytes, const protocol::ParserLimits& limits, const commands::CommandTable& table,
                     const store::Database& database) {
  drop();
  limits_ = limits;
  commands::KeyPrefetch<store::Database> keys(table, database);
  while (count_ < kMostRequests && !bytes.empty()) {
    protocol::RespParser& parser = parsers_[count_];
    if (parser.parse(bytes, limits) != protocol::RespParser::Outcome::kCommand) {
      parser.reset();
      break;
    }
    count_++;
    bytes.remove_prefix(parser.consumed());
    if (!parser.arguments().empty()) keys.add(parser.arguments());
  }
  keys.finish();
}

}  // namespace cowslip::server
