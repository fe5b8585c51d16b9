// Loading the snapshot at start, and what is known of it while it runs. Event loop only.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"

namespace cowslip::persistence {
struct LoadReport;
}

namespace cowslip::server {

class Server;

struct LoadingProgress {
  int64_t start_unix_us = 0;
  uint64_t total_bytes = 0;
  uint64_t loaded_bytes = 0;
  uint64_t rdb_used_memory = 0;  // used-mem of the file; known from its first key on
};

class Loading {
 public:
  explicit Loading(Server& server) : server_(server) {}

  bool active() const { return active_; }
  const LoadingProgress& progress() const { return progress_; }
  uint64_t last_keys_loaded() const { return last_keys_loaded_; }    // rdb_last_load_keys_loaded
  uint64_t last_keys_expired() const { return last_keys_expired_; }  // rdb_last_load_keys_expired

  // Loads the snapshot if there is one, serving clients meanwhile. An error has been logged in full: the process is to
  // exit with status 1. kBusy: a signal asked for the end, exit with 0.
  Status load_at_start();
  // Loads the file into what there is, without serving anyone (DEBUG RELOAD). Expired keys and duplicates as asked.
  Status load_now(bool replace_existing);
  // Makes a load under way stop; from a signal's handler on the loop.
  void interrupt() { interrupted_ = true; }
  bool interrupted() const { return interrupted_; }

 private:
  Status load(bool serve_clients, bool replace_existing);
  void take_origin(const persistence::LoadReport& report);
  void advance(uint64_t bytes, uint64_t total, bool serve_clients);
  void remove_leftovers();
  void note_held();

  Server& server_;
  bool active_ = false;
  bool interrupted_ = false;
  LoadingProgress progress_;
  int64_t held_since_us_ = 0;  // nobody has been served since
  uint64_t last_keys_loaded_ = 0;
  uint64_t last_keys_expired_ = 0;
};

}  // namespace cowslip::server
