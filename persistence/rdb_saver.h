// Writes a whole keyspace as RDB: what SAVE, the forked child and a full sync have in common.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "persistence/byte_sink.h"
#include "store/keyspace.h"

namespace cowslip::persistence {

// What is saved of each key's last use, decided by the maxmemory policy.
enum class AccessStamps {
  kNone,       // noeviction, volatile-ttl, random
  kIdle,       // any LRU policy: opcode IDLE
  kFrequency,  // any LFU policy: opcode FREQ
};

struct SaveOptions {
  bool compression = true;        // rdbcompression
  bool checksum = true;           // rdbchecksum
  bool incremental_fsync = true;  // rdb-save-incremental-fsync
  // rdb-key-save-delay: sleep so many microseconds after each key. Negative -n: one microsecond for every n keys, on
  // average, as even the shortest sleep costs a switch. For tests.
  int64_t key_save_delay_us = 0;
  AccessStamps access = AccessStamps::kNone;
  uint64_t used_memory_bytes = 0;  // AUX used-mem
  bool aof_base = false;           // AUX aof-base
  int64_t now_ms = 0;              // Unix time of the snapshot: AUX ctime, and what idle times are counted to
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
// Touches nothing of `keyspace` but what a forked child may read.
Result<SaveProgress> save_rdb(const store::Keyspace& keyspace, ByteSink& sink, const SaveOptions& options,
                              OnSaveProgress on_progress = {});

// The same into a file, published atomically (snapshot_file.h). SAVE, and the child of BGSAVE.
Result<SaveProgress> save_rdb_file(const store::Keyspace& keyspace, FileSystem& files, const std::string& path,
                                   const SaveOptions& options, OnSaveProgress on_progress = {});

}  // namespace cowslip::persistence
