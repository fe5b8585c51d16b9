// Judging snapshot files with Redis's own programs.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/server_process.h"

namespace cowslip::testing {

// redis-check-rdb on the file; empty when it is satisfied, otherwise all that it printed.
std::string check_rdb(const std::string& path);

// An aggregate as one text, by which two are compared: a list's elements in their order, a set's sorted; fields with
// their values, or members with their scores, sorted by the first.
std::string joined(const std::vector<std::string>& elements);
std::string joined(const std::map<std::string, std::string>& pairs);
std::string score_text(double score);

// All keys of the 16 databases, of any type but streams.
struct KeyState {
  std::string type;
  std::string value;
  std::string encoding;
  int64_t expire_at_ms = -1;
};
using Dataset = std::map<std::pair<int, std::string>, KeyState>;
Dataset read_dataset(const ServerProcess& server);

struct DatasetTolerance {
  int64_t expiry_ms = 0;
  bool encoding = false;  // encodings may differ: a file does not keep the difference between embstr and raw
  // They are of Redis 7.0, which has no listpacks for sets and for lists as a whole.
  bool older_encodings = false;
};
// The first few differences in words; empty when there are none.
std::string describe_difference(const Dataset& ours, const Dataset& theirs, const DatasetTolerance& tolerance = {});

}  // namespace cowslip::testing
