#include "server/monitor_feed.h"

#include <fmt/format.h>

#include "base/text.h"
#include "server/connection.h"
#include "server/request_pump.h"

namespace cowslip::server {

std::string monitor_line(int64_t unix_us, int database, std::string_view client,
                         std::span<const std::string_view> arguments) {
  std::string line = fmt::format("{}.{:06} [{} {}]", unix_us / 1'000'000, unix_us % 1'000'000, database, client);
  for (const std::string_view argument : arguments) {
    line += ' ';
    line += quoted(argument);
  }
  return line;
}

void MonitorFeed::add(Connection& connection) {
  remove(connection);
  clients_.push_back(&connection);
}

void MonitorFeed::remove(Connection& connection) {
  std::erase(clients_, &connection);
}

void MonitorFeed::feed(std::string_view line, RequestPump& pump) {
  for (Connection* client : clients_) {
    client->output += '+';
    client->output += line;
    client->output += "\r\n";
    pump.send_later(*client);
  }
}

}  // namespace cowslip::server
