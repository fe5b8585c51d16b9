// MONITOR: every executed command as a line, to every client that asked for it. Event loop only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cowslip::server {

struct Connection;
class RequestPump;

// 1339518083.107412 [0 127.0.0.1:60866] "keys" "*"
std::string monitor_line(int64_t unix_us, int database, std::string_view client,
                         std::span<const std::string_view> arguments);

class MonitorFeed {
 public:
  bool empty() const { return clients_.empty(); }
  size_t size() const { return clients_.size(); }
  void add(Connection& connection);
  void remove(Connection& connection);
  void feed(std::string_view line, RequestPump& pump);

 private:
  std::vector<Connection*> clients_;
};

}  // namespace cowslip::server
