// What an RDB file tells of itself before its first key, without loading it.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/file.h"

namespace cowslip::persistence {

struct RdbOrigin {
  uint64_t file_bytes = 0;
  std::string server_version;      // AUX redis-ver; empty when the file does not say
  uint64_t used_memory_bytes = 0;  // AUX used-mem: of the server that wrote it, whose store may be another; 0 likewise
};

// Reads a few kilobytes. kNotFound: there is no such file. An Error also when it does not begin as an RDB file does.
Result<RdbOrigin> read_rdb_origin(FileSystem& files, const std::string& path);

}  // namespace cowslip::persistence
