// SYNC: a snapshot of the dataset sent to a client that asked for one, such as `redis-cli --rdb`.
//
// A client that announced "capa eof" gets it straight from the forked child, which writes to the client's socket:
// "$EOF:<40 hex>\r\n", the file, and the 40 again. For others the child writes a temporary file, which is sent with its
// length in front. Clients are served one child at a time; who waits gets an empty line every second, which keeps both
// ends from giving up. There is no stream of changes afterwards, so the connection is closed at the end. Event loop
// only.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/error.h"
#include "base/file.h"
#include "persistence/background_save.h"

namespace cowslip::server {

class Server;
struct Connection;

class SnapshotFeed {
 public:
  explicit SnapshotFeed(Server& server) : server_(server) {}

  // The client waits for a snapshot from now on. The caller has written what comes before it.
  void enqueue(Connection& connection);
  // Starts a child for the client that waits longest. False when none waits.
  bool start_next();
  // Whether the child at work, if any, is one of ours.
  bool owns_child() const { return owns_child_; }
  void on_child_end(const persistence::SaveOutcome& outcome);
  // Everything given to the client's socket so far is gone: the next piece of its file may follow.
  void on_sent(Connection& connection);
  void on_close(Connection& connection);
  // Once per second: a sign of life to those who wait.
  void keep_alive();

 private:
  struct Transfer {
    UniqueFd file;
    uint64_t left = 0;
  };

  Status start_for(Connection& connection);
  void begin_file_transfer(Connection& connection);
  Result<std::string> new_copy_path() const;
  void remove_copy();

  Server& server_;
  std::deque<uint64_t> waiting_;  // client ids
  uint64_t client_id_ = 0;        // whom the child at work serves; 0: he is gone
  bool owns_child_ = false;
  std::string copy_path_;  // where the child at work writes to; empty when it streams
  std::unordered_map<uint64_t, Transfer> transfers_;
};

}  // namespace cowslip::server
