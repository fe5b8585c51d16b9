#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/cow_lab/experiments.h"
#include "bench/cow_lab/lab.h"

namespace cowslip::bench {
namespace {

// A file of numbers without a name: it goes when its descriptor does. On a disk, not in memory: its pages shall be
// those of the page cache.
UniqueFd make_file(const LabOptions& options) {
  std::string path = options.folder + "/numbers-XXXXXX";
  UniqueFd file(mkostemp(path.data(), O_CLOEXEC));
  require(file.get() >= 0, path);
  require(unlink(path.c_str()) == 0, "unlink");
  const std::vector<uint64_t> ones((1 << 20) / sizeof(uint64_t), 1);
  for (uint64_t written = 0; written < options.bytes;) {
    const size_t piece = std::min<uint64_t>(1 << 20, options.bytes - written);
    const ssize_t wrote = write(file.get(), ones.data(), piece);
    require(wrote > 0, "write");
    written += wrote;
  }
  require(fsync(file.get()) == 0, "fsync");
  return file;
}

uint64_t sum(const Mapping& mapping) {
  const auto words = mapping.words();
  return std::accumulate(words.begin(), words.end(), uint64_t{0});
}

// One way through the stages: `beside` keeps the original mapped as well.
class PrivateFile {
 public:
  PrivateFile(const LabOptions& options, const Group& group, bool beside)
      : group_(group), beside_(beside), file_(make_file(options)) {
    // Clean pages nobody maps are given back, so that reading has to fetch them from disk again.
    posix_fadvise(file_.get(), 0, 0, POSIX_FADV_DONTNEED);
    group_before_ = group.usage();
    mapping_.emplace(Mapping::file(file_.get(), options.bytes, false));
    if (beside) original_.emplace(Mapping::file(file_.get(), options.bytes, true));
  }

  void run() {
    stage("mapped", [] {});
    stage("every element read", [&] { sums_ = sum(*mapping_) + (original_ ? sum(*original_) : 0); });
    stage("read once more", [&] { sums_ += sum(*mapping_); });
    stage("one element changed", [&] { mapping_->words()[mapping_->words().size() / 2] += 1; });
    stage("every element changed", [&] {
      for (uint64_t& word : mapping_->words()) word += 1;
    });
  }

 private:
  template <typename Work>
  void stage(std::string_view name, Work work) {
    const ProcessMemory before = observe_self();
    const int64_t begun_ns = now_ns();
    work();
    const int64_t took_ns = now_ns() - begun_ns;
    const ProcessMemory after = observe_self();
    Line line("private-file");
    line.text("mappings", beside_ ? "private and shared" : "private").text("stage", name);
    line.count("file_bytes", mapping_->size()).memory(after, before).count("cached", cached_bytes());
    line.number("ms", static_cast<double>(took_ns) / 1e6).count("file_unchanged", file_is_unchanged() ? 1 : 0);
    if (group_.known()) line.change("charged", group_.usage(), group_before_);
  }

  // How much of the file is in the page cache. A mapping that nobody has written to is asked: of one's own copies
  // mincore() says that they are there, too.
  uint64_t cached_bytes() const {
    const Mapping untouched = Mapping::file(file_.get(), mapping_->size(), true);
    std::vector<unsigned char> pages(untouched.size() / kPage);
    require(mincore(untouched.data(), untouched.size(), pages.data()) == 0, "mincore");
    return kPage * std::count_if(pages.begin(), pages.end(), [](unsigned char page) { return (page & 1) != 0; });
  }

  // Looks at the place that is changed first, by read(2) and not by the mapping.
  bool file_is_unchanged() const {
    uint64_t word = 0;
    const auto place = static_cast<off_t>(mapping_->words().size() / 2 * sizeof word);
    return pread(file_.get(), &word, sizeof word, place) == sizeof word && word == 1;
  }

  const Group& group_;
  const bool beside_;
  const UniqueFd file_;
  std::optional<Mapping> mapping_, original_;
  uint64_t group_before_ = 0;
  uint64_t sums_ = 0;
};

}  // namespace

void run_private_file(const LabOptions& options, const Group& group) {
  PrivateFile(options, group, false).run();
  PrivateFile(options, group, true).run();
}

}  // namespace cowslip::bench
