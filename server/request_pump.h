// Moves requests from the sockets into the dispatcher, and replies back.
//
// Each ready client is read once per iteration, its whole commands are executed, and before the loop waits again each
// client that got a reply is written to once. Requests that arrive whole are parsed in one buffer that all clients
// share; only the rest of a request that is incomplete is kept with its client.
//
// Fairness: a client gets one read of at most kReadBytes per iteration, and stops early when it has made
// kRepliesPerTurn bytes of replies; what is left of its commands waits for the next iteration.
//
// Pipelining: behind its first command a client's next ones are looked at in batches before they run (look_ahead.h), so
// that their waits for memory overlap. Each still runs, and is refused, exactly as if it had come alone. Event loop
// only.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/reply_writer.h"
#include "protocol/resp_parser.h"
#include "server/event_loop.h"
#include "server/look_ahead.h"

namespace cowslip::server {

class Server;

class RequestPump final : public ConnectionEvents {
 public:
  static constexpr size_t kReadBytes = 64u << 10;
  static constexpr size_t kRepliesPerTurn = 4u << 20;

  explicit RequestPump(Server& server);
  ~RequestPump() override;

  void on_wake(bool slept) override;
  void on_ready(Connection& connection, bool readable, bool writable) override;
  bool before_wait() override;
  void on_turn_end(int64_t now_us) override;

  // Something was appended to the client's output outside of its own commands.
  void send_later(Connection& connection);
  // The client may have commands in its input that it could not run before (CLIENT PAUSE is over).
  void run_later(Connection& connection);
  // Sends what there is, at once. For a client that is to be closed with a last word.
  void send_now(Connection& connection);

  // Milliseconds, monotonic, as of the last wake.
  int64_t now_ms() const { return now_ms_; }

 private:
  void read(Connection& connection);
  void read_into_shared(Connection& connection);
  void read_into_own(Connection& connection);
  // What recv() said that is not a number of bytes. Closes the client unless there is just nothing to read.
  void read_failed(Connection& connection, long received, int error);
  void received(Connection& connection, size_t bytes);
  // Runs the whole commands at the front of `bytes`; returns how many bytes they took.
  size_t run_commands(Connection& connection, std::string_view bytes);
  void count_latency(Connection& connection, uint64_t commands);
  // Parses the request at the front of `bytes`, unless it was looked at before. Null when it is incomplete, or wrong
  // and `reply` says so. `first`: the connection's parser may have begun with it earlier.
  const protocol::RespParser* next_request(Connection& connection, std::string_view bytes, bool first,
                                           protocol::ReplyWriter& reply);
  void look_ahead(const Connection& connection, std::string_view bytes, const protocol::ParserLimits& limits);
  bool run_one(Connection& connection, std::span<const std::string_view> arguments, protocol::ReplyWriter& reply);
  void refuse_http(Connection& connection);
  bool must_wait(const Connection& connection, std::span<const std::string_view> arguments) const;
  void run_backlog(Connection& connection);
  void check_query_buffer(Connection& connection);
  void protocol_error(Connection& connection, protocol::ReplyWriter& reply, std::string_view bytes);
  void send_pending(Connection& connection);
  void sent(Connection& connection, size_t bytes);
  void everything_sent(Connection& connection);
  protocol::ParserLimits limits_for(const Connection& connection) const;

  Server& server_;
  std::unique_ptr<char[]> shared_;  // kReadBytes
  LookAhead ahead_;                 // of the client whose commands run; empty otherwise
  std::vector<Connection*> to_send_;
  std::vector<Connection*> backlog_;
  int64_t now_ms_ = 0;
  int64_t last_http_warning_ms_ = 0;
};

}  // namespace cowslip::server
