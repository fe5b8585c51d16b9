// Where encoded bytes go and where stored bytes come from. An encoder hands over large pieces, so a sink needs no
// buffer of its own; a decoder asks for large pieces, so neither does a source.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace cowslip::persistence {

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  // Takes all of `data`. After an error nothing more may be appended.
  virtual Status append(std::string_view data) = 0;
};

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Up to `into.size()` bytes; 0 means the end.
  virtual Result<size_t> read(std::span<char> into) = 0;
};

// Collects in a string.
class StringSink final : public ByteSink {
 public:
  Status append(std::string_view data) override {
    bytes.append(data);
    return {};
  }
  std::string bytes;
};

// Reads bytes that lie in memory. They must outlive the source.
class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::string_view bytes) : left_(bytes) {}
  Result<size_t> read(std::span<char> into) override {
    const size_t n = std::min(into.size(), left_.size());
    std::memcpy(into.data(), left_.data(), n);
    left_.remove_prefix(n);
    return n;
  }

 private:
  std::string_view left_;
};

// Writes to a descriptor of somebody else's (a connected socket, a pipe), blocking or not. Waits while the peer is
// slow; one that takes nothing for `stall_timeout_ms` is an Error (ETIMEDOUT). SIGPIPE is the caller's to ignore.
class DescriptorSink final : public ByteSink {
 public:
  explicit DescriptorSink(int fd, int stall_timeout_ms = -1) : fd_(fd), stall_timeout_ms_(stall_timeout_ms) {}
  Status append(std::string_view data) override;

 private:
  int fd_;
  int stall_timeout_ms_;
};

}  // namespace cowslip::persistence
