#include "server/system_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace cowslip::server {
namespace {

constexpr std::string_view kAllowHugePages =
    "Allow them: echo madvise > /sys/kernel/mm/transparent_hugepage/enabled (as root; with "
    "transparent_hugepage=madvise "
    "on the kernel's command line it stays), and restart the server.";

// Whether 2 MiB pages are switched off for everybody. Since Linux 6.8 each size has a setting of its own.
bool never(const SystemFacts& facts) {
  if (facts.huge_pages_2m.empty() || facts.huge_pages_2m == "inherit") return facts.huge_pages == "never";
  return facts.huge_pages_2m == "never";
}

bool usable(const SystemFacts& facts) {
  return !never(facts) && !facts.huge_pages_forbidden && facts.huge_pages_accepted;
}

SystemFinding no_huge_pages(std::string_view because, std::string_view remedy) {
  return {
      .severity = Severity::kWarning,
      .subject = "huge pages",
      .text = fmt::format("Huge pages are off: {}. Everything works on pages of 4 KiB, but a fork takes about 25 ms "
                          "for each gigabyte instead of 1 ms.",
                          because),
      .remedy = std::string(remedy)};
}

}  // namespace

SystemFinding check::huge_pages(const SystemFacts& facts) {
  if (never(facts)) {
    return no_huge_pages("the system's setting is never", facts.huge_pages_2m == "never" && facts.huge_pages != "never"
                                                              ? "Allow them: echo inherit > "
                                                                "/sys/kernel/mm/transparent_hugepage/hugepages-2048kB/"
                                                                "enabled (as root), and restart the server."
                                                              : kAllowHugePages);
  }
  if (facts.huge_pages_forbidden) {
    return no_huge_pages("forbidden for this process (PR_SET_THP_DISABLE) by who started it",
                         "Start the server without that; it is inherited by all children of a process.");
  }
  if (!facts.huge_pages_accepted) {
    return no_huge_pages("the kernel refuses MADV_HUGEPAGE",
                         "Use a kernel with CONFIG_TRANSPARENT_HUGEPAGE; in a container, see whether its seccomp "
                         "profile forbids madvise.");
  }
  return {
      .severity = Severity::kFine,
      .subject = "huge pages",
      .text = fmt::format("{}: the dataset lies in pages of 2 MiB. (Both always and madvise are right for Cowslip.)",
                          facts.huge_pages.empty() ? "accepted" : facts.huge_pages),
      .remedy = {}};
}

SystemFinding check::huge_page_defrag(const SystemFacts& facts) {
  SystemFinding finding{.severity = Severity::kFine, .subject = "defrag", .text = {}, .remedy = {}};
  const std::string& setting = facts.huge_page_defrag;
  if (!usable(facts)) {
    finding.text = "does not matter without huge pages.";
  } else if (setting == "never" || setting == "defer") {
    finding.severity = Severity::kNote;
    finding.text = fmt::format(
        "The setting for defragmentation is {}: where free memory is in pieces, new data gets pages of 4 KiB until the "
        "kernel or the server puts them together.",
        setting);
    finding.remedy = "echo madvise > /sys/kernel/mm/transparent_hugepage/defrag (as root).";
  } else {
    finding.text =
        fmt::format("{}: huge pages are made when they are asked for.", setting.empty() ? "unknown" : setting);
  }
  return finding;
}

SystemFinding check::kernel(const SystemFacts& facts) {
  SystemFinding finding{.severity = Severity::kFine, .subject = "kernel", .text = {}, .remedy = {}};
  const auto finds = [&](Severity severity, std::string_view text, std::string_view remedy) {
    finding.severity = severity;
    finding.text = fmt::format("Linux {}: {}", facts.kernel_release.empty() ? "?" : facts.kernel_release, text);
    finding.remedy = remedy;
    return finding;
  };
  if (!usable(facts)) return finds(Severity::kFine, "without huge pages its version makes no difference.", "");
  if (facts.kernel.older_than(5, 8)) {
    return finds(Severity::kWarning,
                 "before 5.8, the first write to a shared huge page during a save copies all of its 2 MiB, for a "
                 "changed byte of a large value too.",
                 "Use Linux 6.15 or newer.");
  }
  if (!facts.collapse_works) {
    return finds(Severity::kWarning,
                 "MADV_COLLAPSE is missing (it came with 6.1), so huge pages that writes to large values split during "
                 "a save stay split, and later forks take longer.",
                 "Use Linux 6.15 or newer.");
  }
  if (facts.kernel.older_than(6, 15)) {
    return finds(
        Severity::kNote,
        "before 6.15, the pages of a split huge page are copied at their next write even when the saving child "
        "is gone; it ends when the server has made the huge page whole again, seconds after the save.",
        "Nothing urgent; Linux 6.15 or newer copies nothing once the child is gone.");
  }
  return finds(Severity::kFine,
               "writes copy 4 KiB at most, split huge pages are made whole, and nothing is copied "
               "once a child is gone.",
               "");
}

std::vector<SystemFinding> check_system(const SystemFacts& facts, const DatasetFacts& dataset) {
  return {check::huge_pages(facts),          check::huge_page_defrag(facts), check::kernel(facts),
          check::overcommit(facts, dataset), check::room(facts, dataset),    check::maxmemory(facts, dataset),
          check::oom_killer(facts, dataset), check::swap(facts, dataset)};
}

size_t count_of(const std::vector<SystemFinding>& findings, Severity severity) {
  return static_cast<size_t>(std::ranges::count(findings, severity, &SystemFinding::severity));
}

}  // namespace cowslip::server
