#include "server/admin/memory_advice.h"

#include <fmt/format.h>

#include "base/numbers.h"
#include "server/system_report.h"

namespace cowslip::server {
namespace {

// Below this a dataset says nothing: fixed costs outweigh it.
constexpr uint64_t kSmallestWorthJudging = 5ull << 20;
// Waste below this is not worth a word, whatever its ratio.
constexpr int64_t kWasteWorthNaming = 10 << 20;
constexpr uint64_t kLargeClientBytes = 200ull << 10;

void add_waste(std::string& advice, double ratio, double limit, int64_t bytes, std::string_view what,
               std::string_view remedy) {
  if (ratio <= limit || bytes <= kWasteWorthNaming) return;
  advice += fmt::format(" * {}: {:.2f} times what is needed, {} too many. {}\n", what, ratio,
                        format_memory_human(static_cast<uint64_t>(bytes)), remedy);
}

std::string advice_on_figures(const MemoryFigures& figures, size_t clients) {
  std::string advice;
  if (figures.peak > figures.used + figures.used / 2) {
    advice += fmt::format(
        " * Past peak: {} was used at the worst, {} is used now. The allocator may keep pages of that time; MEMORY "
        "PURGE "
        "gives back what is free.\n",
        format_memory_human(figures.peak), format_memory_human(figures.used));
  }
  add_waste(advice, figures.allocator_fragmentation_ratio(), 1.1, figures.allocator_fragmentation_bytes(),
            "Fragmentation in the allocator", "Values of changing sizes leave gaps; a restart packs them anew.");
  add_waste(advice, figures.allocator_resident_ratio(), 1.1, figures.allocator_resident_bytes(),
            "Free pages the allocator keeps", "MEMORY PURGE gives them back.");
  add_waste(advice, figures.resident_overhead_ratio(), 1.1, figures.resident_overhead_bytes(),
            "Memory outside of the allocator", "Look at the process's mappings.");
  if (clients != 0 && figures.clients_normal / clients > kLargeClientBytes) {
    advice += fmt::format(" * Clients: their buffers hold {} each on average. CLIENT LIST shows whose (omem, qbuf).\n",
                          format_memory_human(figures.clients_normal / clients));
  }
  return advice;
}

}  // namespace

std::string memory_advice(const MemoryFigures& figures, size_t clients, const std::vector<SystemFinding>& findings) {
  const bool judge_figures = figures.used >= kSmallestWorthJudging;
  std::string advice = judge_figures ? advice_on_figures(figures, clients) : "";
  advice += listed(findings, Severity::kWarning);
  if (!advice.empty()) advice = "What stands out:\n\n" + advice;
  if (advice.empty() && judge_figures) advice = "Nothing wrong with the memory as far as can be seen.\n";
  if (!judge_figures) {
    advice =
        "There is too little data here for a judgement: fixed costs outweigh it. Ask again with a real dataset.\n" +
        (advice.empty() ? "" : "\n" + advice);
  }
  const std::string notes = listed(findings, Severity::kNote);
  return notes.empty() ? advice : advice + "\nWorth knowing:\n\n" + notes;
}

}  // namespace cowslip::server
