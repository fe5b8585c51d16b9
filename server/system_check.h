// What of the machine stands in the way of background saves, in words, with the remedy; and nothing that does not.
//
// Shown in the log at the start, by MEMORY DOCTOR, and by `cowslip-server --check-system`. All functions are pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/system_facts.h"

namespace cowslip::server {

enum class Severity : uint8_t {
  kFine,
  kNote,     // costs something, or may matter one day
  kWarning,  // saves may fail, take the server with them, or cost many times what they should
};

struct SystemFinding {
  Severity severity = Severity::kFine;
  std::string_view subject;  // "huge pages", "kernel", ...
  std::string text;          // sentences
  std::string remedy;        // sentences, with the command; empty when all is fine
};

// What is known of the server that saves. Bytes.
struct DatasetFacts {
  uint64_t used = 0;     // used_memory, now
  uint64_t to_load = 0;  // what the snapshot file will add to it, before it is loaded
  uint64_t maxmemory = 0;
  std::optional<uint64_t> expected_growth = {};  // by a save, as forecast from saves that were seen
  int oom_score_adj_of_child = 1000;             // SaveRequest's default: what it is with oom-score-adj no
};

// One finding for each subject that was looked at, in a fixed order. Fine ones say what is fine.
std::vector<SystemFinding> check_system(const SystemFacts& facts, const DatasetFacts& dataset);

// How many there are of that severity.
size_t count_of(const std::vector<SystemFinding>& findings, Severity severity);

namespace check {

// The single subjects (system_check.cc, system_check_memory.cc).
SystemFinding huge_pages(const SystemFacts& facts);
SystemFinding huge_page_defrag(const SystemFacts& facts);
SystemFinding kernel(const SystemFacts& facts);
SystemFinding overcommit(const SystemFacts& facts, const DatasetFacts& dataset);
SystemFinding room(const SystemFacts& facts, const DatasetFacts& dataset);
SystemFinding maxmemory(const SystemFacts& facts, const DatasetFacts& dataset);
SystemFinding oom_killer(const SystemFacts& facts, const DatasetFacts& dataset);
SystemFinding swap(const SystemFacts& facts, const DatasetFacts& dataset);

}  // namespace check

}  // namespace cowslip::server
