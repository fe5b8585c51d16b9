#include "commands/transaction.h"

#include "commands/command_table.h"

namespace cowslip::commands {

void Transaction::queue(const Command& command, std::span<const std::string_view> args) {
  queued_.push_back({&command, lengths_.size(), bytes_.size()});
  for (const std::string_view argument : args) {
    lengths_.push_back(argument.size());
    bytes_ += argument;
  }
  flags_of_any_ |= command.spec->flags;
  flags_of_all_ &= command.spec->flags;
}

void Transaction::arguments(size_t index, std::vector<std::string_view>& args) const {
  const size_t end = index + 1 < queued_.size() ? queued_[index + 1].first_length : lengths_.size();
  const std::string_view bytes = bytes_;
  size_t at = queued_[index].first_byte;
  args.clear();
  for (size_t i = queued_[index].first_length; i < end; at += lengths_[i++]) {
    args.push_back(bytes.substr(at, lengths_[i]));
  }
}

uint32_t Transaction::gate_flags(uint32_t flags_of_exec) const {
  constexpr uint32_t kBarred = kWrite | kDenyOom | kMayReplicate | kNoAsyncLoading;
  constexpr uint32_t kPermitted = kLoading | kStale;
  return (flags_of_exec | (flags_of_any_ & kBarred)) & (flags_of_all_ | ~kPermitted);
}

size_t Transaction::memory_bytes() const {
  // A short string needs none of its own.
  const size_t bytes = bytes_.capacity() > std::string().capacity() ? bytes_.capacity() : 0;
  return queued_.capacity() * sizeof(Queued) + lengths_.capacity() * sizeof(size_t) + bytes;
}

}  // namespace cowslip::commands
