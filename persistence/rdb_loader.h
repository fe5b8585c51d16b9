// Loads an RDB file into a keyspace.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "persistence/byte_sink.h"
#include "store/keyspace.h"

namespace cowslip::persistence {

struct LoadReport;

struct LoadOptions {
  bool verify_checksum = true;  // rdbchecksum
  // Whether keys whose time has passed are left out, as a master does. A replica keeps them: its master deletes them.
  bool skip_expired = true;
  int64_t now_ms = 0;  // Unix time by which that is judged, and idle times counted back from
  // A key that is there already is replaced, which DEBUG RELOAD NOFLUSH asks for; otherwise it is an Error, because a
  // file that names a key twice is damaged.
  bool replace_existing = false;
  // rdb-skip-unknown-types: what the store cannot hold (streams, values of modules, function libraries) is left out,
  // with a warning; otherwise it is an Error that names type and key.
  bool skip_unknown_types = false;
  // Asked before each key: how long to wait (key-load-delay, for tests of what happens during a load). A negative
  // answer of -n waits a microsecond for every n-th key or so.
  std::function<int64_t()> key_delay_us = {};
  // How much input lies between two calls of on_progress, about; one comes at its end. At least 1. While
  // memory for many keys is made ready they come in between, too.
  uint64_t progress_every_bytes = 256 * 1024;
  // Called once, before the first key: the report has what the AUX fields in front tell of the file's origin.
  std::function<void(const LoadReport&)> on_origin = {};
};

struct LoadReport {
  int rdb_version = 0;
  uint64_t keys_loaded = 0;
  uint64_t keys_expired = 0;  // left out: their time had passed
  uint64_t keys_empty = 0;    // left out: collections without an element, which Redis leaves out too
  uint64_t keys_skipped = 0;  // left out: of a type that the store cannot hold
  uint64_t bytes = 0;
  bool checksum_verified = false;
  // From the file's AUX fields; empty or 0 when it has none.
  std::string redis_version;
  int64_t created_unix_seconds = 0;
  uint64_t used_memory_bytes = 0;
  bool aof_base = false;
  // What was skipped and might be missed (keys, module data, functions), one sentence each, for the log. Of very many
  // only the first are named; the last sentence has the numbers.
  std::vector<std::string> warnings;
};

// Called as often as LoadOptions::progress_every_bytes says. The event loop may serve clients in it, but must not touch
// the keyspace's data.
using OnLoadProgress = std::move_only_function<void(uint64_t bytes_read, uint64_t bytes_total)>;

// Adds the file's keys to `keyspace`, and gives back what its indexes do not need for them. On an Error, which says
// what is wrong, at which offset and for which key, the keyspace holds what had been loaded before: the caller flushes
// it or gives up. kNotFound: there is no such file.
Result<LoadReport> load_rdb(store::Keyspace& keyspace, FileSystem& files, const std::string& path,
                            const LoadOptions& options, OnLoadProgress on_progress = {});

// The same from any source; `bytes_total` may be 0 when it is not known.
Result<LoadReport> load_rdb(store::Keyspace& keyspace, ByteSource& source, uint64_t bytes_total,
                            const LoadOptions& options, OnLoadProgress on_progress = {});

}  // namespace cowslip::persistence
