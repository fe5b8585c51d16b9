#include "server/system_facts.h"

#include <sys/mman.h>

#include <charconv>
#include <cstddef>
#include <string_view>

#include "memory/kernel_text.h"

namespace cowslip::server {
namespace {

constexpr size_t kProbeBytes = 4 << 20;

std::string text_of(const std::string& path) {
  std::string text = memory::read_kernel_file(path).value_or("");
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

// "always [madvise] never" is madvise.
std::string chosen(const std::string& line) {
  const size_t open = line.find('[');
  const size_t close = line.find(']', open == std::string::npos ? 0 : open);
  if (open == std::string::npos || close == std::string::npos) return {};
  return line.substr(open + 1, close - open - 1);
}

// "6.18.44-generic" is 6.18.
KernelVersion version_of(std::string_view release) {
  KernelVersion version;
  const char* const end = release.data() + release.size();
  const auto [dot, error] = std::from_chars(release.data(), end, version.major);
  if (error != std::errc() || dot == end || *dot != '.') return {};
  if (std::from_chars(dot + 1, end, version.minor).ec != std::errc()) return {};
  return version;
}

void probe_advice(memory::KernelMemory& kernel, SystemFacts& facts) {
  void* const at = kernel.reserve(kProbeBytes);
  if (at == nullptr) return;
  facts.huge_pages_accepted = kernel.advise(at, kProbeBytes, MADV_HUGEPAGE);
  // Of no bytes: only whether the advice is known.
  facts.collapse_works = facts.huge_pages_accepted && kernel.advise(at, 0, memory::kMadviseCollapse);
  kernel.unmap(at, kProbeBytes);
}

}  // namespace

SystemFacts gather_system_facts(const std::string& root, memory::KernelMemory& kernel) {
  const std::string huge = root + "/sys/kernel/mm/transparent_hugepage/";
  SystemFacts facts;
  facts.kernel_release = text_of(root + "/proc/sys/kernel/osrelease");
  facts.kernel = version_of(facts.kernel_release);
  facts.huge_pages = chosen(text_of(huge + "enabled"));
  facts.huge_pages_2m = chosen(text_of(huge + "hugepages-2048kB/enabled"));
  facts.huge_page_defrag = chosen(text_of(huge + "defrag"));
  facts.huge_pages_forbidden = kernel.huge_pages_forbidden();
  probe_advice(kernel, facts);
  facts.limits = memory::read_memory_limits(root);
  const std::string status = text_of(root + "/proc/self/status");
  facts.swapped = memory::number_in_line(status, "VmSwap").value_or(0) * 1024;
  const std::string score = text_of(root + "/proc/self/oom_score_adj");
  std::from_chars(score.data(), score.data() + score.size(), facts.oom_score_adj);
  return facts;
}

}  // namespace cowslip::server
