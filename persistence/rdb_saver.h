// Writes a whole keyspace as RDB: what SAVE, the forked child and a full sync have in common.
//
// Keys come in the order of memory: entries describe themselves, so the chunks of a database's arena are read one after
// the other, and the index (which a forked child does not inherit) is not. A child may have each chunk given back to
// the system as soon as it is written: from then on the parent writes there without a copy. When keys were last used is
// not saved: that stands in the index, and Redis saves it for eviction policies only, which this version does not have.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "persistence/byte_sink.h"
#include "store/keyspace.h"

namespace cowslip::memory {
class Dismisser;
}

namespace cowslip::persistence {

struct SaveOptions {
  bool compression = true;        // rdbcompression
  bool checksum = true;           // rdbchecksum
  bool incremental_fsync = true;  // rdb-save-incremental-fsync
  // rdb-key-save-delay: sleep so many microseconds after each key. Negative -n: one microsecond for every n keys, on
  // average, as even the shortest sleep costs a switch. For tests.
  int64_t key_save_delay_us = 0;
  uint64_t used_memory_bytes = 0;  // AUX used-mem
  bool aof_base = false;           // AUX aof-base
  int64_t now_ms = 0;              // Unix time of the snapshot: AUX ctime
};

struct SaveProgress {
  uint64_t keys = 0;        // written so far
  uint64_t keys_total = 0;  // in all databases at the start
  uint64_t bytes = 0;       // encoded so far
};

// Called every few dozen keys, after each large one, whenever bytes are handed over, and at the end; after every key
// when key_save_delay_us is set. It must be quick when it has nothing to do.
using OnSaveProgress = std::move_only_function<void(const SaveProgress&)>;

// Encodes every key, expired ones included, as Redis does: whoever loads decides. Does not sync or publish.
// Touches nothing of `keyspace` but what a forked child may read. With a `dismisser` (a forked child only) what was
// written is gone from its memory afterwards.
Result<SaveProgress> save_rdb(const store::Keyspace& keyspace, ByteSink& sink, const SaveOptions& options,
                              OnSaveProgress on_progress = {}, memory::Dismisser* dismisser = nullptr);

// The same into a file, published atomically (snapshot_file.h): SAVE.
Result<SaveProgress> save_rdb_file(const store::Keyspace& keyspace, FileSystem& files, const std::string& path,
                                   const SaveOptions& options, OnSaveProgress on_progress = {});

}  // namespace cowslip::persistence
