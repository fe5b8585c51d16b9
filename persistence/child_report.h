// What the forked child tells its parent through a pipe: messages of one fixed size, so that each is written and read
// whole (it is smaller than PIPE_BUF) and a parent needs no parser.
#pragma once

#include <limits.h>

#include <cstdint>
#include <string_view>
#include <type_traits>

#include "base/error.h"

namespace cowslip::persistence {

// Where a save was when it failed.
enum class SavePhase : uint32_t { kSetup, kCreate, kWrite, kPublish, kSend, kDone };
std::string_view save_phase_name(SavePhase phase);

struct ChildReport {
  static constexpr uint32_t kMagic = 0x43575232;  // "2RWC" in memory: the last digit is the version
  static constexpr size_t kTextBytes = 512;

  enum Flags : uint32_t {
    kFinal = 1,      // nothing follows
    kFailed = 2,     // os_errno, phase and text say how
    kCancelled = 4,  // SIGUSR1 came
    kMemory = 8,     // the memory fields are filled in, private_outside apart
    kOutside = 16,   // private_outside is
  };

  uint32_t magic = kMagic;
  uint32_t flags = 0;
  uint64_t keys = 0;
  uint64_t keys_total = 0;
  uint64_t bytes = 0;
  uint64_t private_dirty = 0;
  uint64_t resident = 0;
  uint64_t page_tables = 0;
  uint64_t private_outside = 0;  // pages of its own beside the engine's memory
  int32_t os_errno = 0;
  SavePhase phase = SavePhase::kSetup;
  uint32_t text_length = 0;
  uint32_t reserved = 0;
  char text[kTextBytes] = {};

  bool has(Flags flag) const { return (flags & flag) != 0; }
};

static_assert(std::is_trivially_copyable_v<ChildReport>);
static_assert(sizeof(ChildReport) <= PIPE_BUF, "a message must be written in one piece");

}  // namespace cowslip::persistence
