#include <algorithm>
#include <vector>

#include "base/random.h"
#include "bench/cow_lab/experiments.h"
#include "bench/cow_lab/lab.h"

namespace cowslip::bench {
namespace {

// Writes so far, in per cent of the 4 KiB pages, when the growth is looked at.
constexpr double kSteps[] = {0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 35, 50, 75, 100, 150, 200, 300};

// Which pages were written to, by our own book.
class Book {
 public:
  Book(size_t bytes, size_t page_bytes) : page_bytes_(page_bytes), written_(bytes / page_bytes) {}
  void note(size_t offset) {
    if (written_[offset / page_bytes_]) return;
    written_[offset / page_bytes_] = true;
    count_++;
  }
  uint64_t bytes() const { return count_ * page_bytes_; }

 private:
  const size_t page_bytes_;
  std::vector<bool> written_;
  uint64_t count_ = 0;
};

class RandomWrites {
 public:
  RandomWrites(const LabOptions& options, const Group& group, Pages pages)
      : group_(group),
        pages_(pages),
        memory_(Mapping::anonymous(options.bytes, pages)),
        small_(options.bytes, kPage),
        huge_(options.bytes, kHugePage),
        random_(options.seed) {
    memory_.touch();
  }

  void run() {
    const Child child = fork_child([](Turn turn) { turn.wait(); });
    before_ = observe_self();
    group_before_ = group_.anonymous();
    report(child);
    const auto page_count = static_cast<double>(memory_.size() / kPage);
    for (const double percent : kSteps) {
      write_until(static_cast<uint64_t>(percent / 100 * page_count));
      report(child);
    }
  }

 private:
  void write_until(uint64_t writes) {
    const auto words = memory_.words();
    step_writes_ = writes - std::min(writes, writes_);
    Random again = random_;  // notes the same places afterwards, so that neither book nor clock is in the other's way
    const int64_t begun_ns = now_ns();
    for (uint64_t i = 0; i < step_writes_; i++) words[random_.below(words.size())]++;
    writing_ns_ = now_ns() - begun_ns;
    for (uint64_t i = 0; i < step_writes_; i++) {
      const size_t offset = again.below(words.size()) * sizeof(uint64_t);
      small_.note(offset);
      huge_.note(offset);
    }
    writes_ = std::max(writes, writes_);
  }

  void report(const Child& child) const {
    const ProcessMemory self = observe_self(), other = observe(child.pid());
    Line line("share-written");
    line.text("pages", name_of(pages_)).count("bytes", memory_.size()).count("writes", writes_);
    line.count("written_small_pages", small_.bytes()).count("written_huge_pages", huge_.bytes());
    line.count("child_private_dirty", other.private_dirty).count("self_private_dirty", self.private_dirty);
    line.count("faults", self.minor_faults - before_.minor_faults).count("huge", self.huge);
    line.count("proportional", self.proportional + other.proportional);
    const auto step_writes = static_cast<double>(std::max<uint64_t>(step_writes_, 1));
    line.number("us_per_write", static_cast<double>(writing_ns_) / 1e3 / step_writes);
    if (group_.known()) line.change("group_growth", group_.anonymous(), group_before_);
  }

  const Group& group_;
  const Pages pages_;
  const Mapping memory_;
  Book small_, huge_;
  Random random_;
  ProcessMemory before_;
  uint64_t group_before_ = 0, writes_ = 0, step_writes_ = 0;
  int64_t writing_ns_ = 0;
};

}  // namespace

void run_share_written(const LabOptions& options, const Group& group) {
  RandomWrites(options, group, Pages::kSmall).run();
  RandomWrites(options, group, Pages::kHuge).run();
}

}  // namespace cowslip::bench
