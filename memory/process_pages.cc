#include "memory/process_pages.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <string>

#include "base/file.h"
#include "memory/kernel_text.h"

namespace cowslip::memory {
namespace {

// An entry of pagemap: admin-guide/mm/pagemap.rst of the kernel.
constexpr uint64_t kPresent = 1ull << 63;
constexpr uint64_t kFileOrShared = 1ull << 61;
constexpr uint64_t kExclusive = 1ull << 56;
constexpr size_t kEntriesAtOnce = 2048;
// Nobody fills so large a mapping beside the engine's: it is a sanitizer's shadow, and reading about it takes seconds.
constexpr size_t kLargestMapping = size_t{64} << 30;

std::optional<uintptr_t> take_hex(std::string_view& text, char until) {
  uintptr_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc() || end == text.data() + text.size() || *end != until) return {};
  text.remove_prefix(static_cast<size_t>(end - text.data()) + 1);
  return value;
}

// "7f1e5a000000-7f1e5a021000 rw-p 00000000 00:00 0 ..."
std::optional<AddressSpan> private_writable(std::string_view line) {
  const auto begin = take_hex(line, '-');
  const auto end = begin ? take_hex(line, ' ') : begin;
  if (!end || *end <= *begin || line.size() < 4 || line[1] != 'w' || line[3] != 'p') return {};
  return AddressSpan{*begin, *end - *begin};
}

// False when the process is gone.
bool add_pages(int pagemap, const AddressSpan& mapping, size_t page, AnonymousPages& sum) {
  std::array<uint64_t, kEntriesAtOnce> entries;
  for (size_t at = mapping.begin / page, end = mapping.end() / page; at < end;) {
    const size_t wanted = std::min(entries.size(), end - at);
    const ssize_t got = ::pread(pagemap, entries.data(), wanted * sizeof(uint64_t), static_cast<off_t>(at * 8));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    const size_t read = static_cast<size_t>(got) / sizeof(uint64_t);
    if (read == 0) break;  // the memory is gone, the process about to be
    for (const uint64_t entry : std::span(entries).first(read)) {
      if ((entry & kPresent) == 0 || (entry & kFileOrShared) != 0) continue;
      sum.present += page;
      if ((entry & kExclusive) != 0) sum.exclusive += page;
    }
    at += read;
  }
  return true;
}

// What of `mapping` does not lie in `leave_out`, in order.
void add_rest(AddressSpan mapping, std::span<const AddressSpan> leave_out, std::vector<AddressSpan>& into) {
  for (const AddressSpan& span : leave_out) {
    if (span.end() <= mapping.begin || span.begin >= mapping.end()) continue;
    if (span.begin > mapping.begin) add_rest({mapping.begin, span.begin - mapping.begin}, leave_out, into);
    if (span.end() < mapping.end()) add_rest({span.end(), mapping.end() - span.end()}, leave_out, into);
    return;
  }
  into.push_back(mapping);
}

}  // namespace

std::vector<AddressSpan> private_writable_mappings(std::string_view maps, std::span<const AddressSpan> leave_out) {
  std::vector<AddressSpan> mappings;
  while (!maps.empty()) {
    const size_t length = std::min(maps.find('\n'), maps.size());
    const auto mapping = private_writable(maps.substr(0, length));
    maps.remove_prefix(std::min(length + 1, maps.size()));
    if (mapping && mapping->bytes <= kLargestMapping) add_rest(*mapping, leave_out, mappings);
  }
  return mappings;
}

Result<AnonymousPages> anonymous_pages_outside(pid_t pid, std::span<const AddressSpan> leave_out) {
  const std::string process = pid == 0 ? "self" : fmt::to_string(pid);
  const auto gone = [&] {
    return fail(ErrorCode::kNotFound, fmt::format("pages of process {} cannot be read", process));
  };
  const UniqueFd pagemap(::open(fmt::format("/proc/{}/pagemap", process).c_str(), O_RDONLY | O_CLOEXEC));
  const auto maps = read_kernel_file(fmt::format("/proc/{}/maps", process));
  if (!pagemap || !maps || maps->empty()) return gone();
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  AnonymousPages sum;
  for (const AddressSpan& mapping : private_writable_mappings(*maps, leave_out)) {
    if (!add_pages(pagemap.get(), mapping, page, sum)) return gone();
  }
  return sum;
}

}  // namespace cowslip::memory
