#include <atomic>
#include <string_view>

#include "base/random.h"
#include "bench/cow_lab/experiments.h"
#include "bench/cow_lab/lab.h"

namespace cowslip::bench {
namespace {

constexpr double kSteps[] = {0.1, 0.3, 1, 3, 10, 30, 100};  // reads so far, in per cent of the objects
constexpr uint32_t kNeverCounted = UINT32_MAX;

enum class Counts { kNone, kNever, kApart, kInside };

std::string_view name_of(Counts counts) {
  switch (counts) {
    case Counts::kNone:
      return "none";
    case Counts::kNever:
      return "in the object, never counted";
    case Counts::kApart:
      return "in a table apart";
    case Counts::kInside:
      return "in the object";
  }
  return "";
}

struct Header {
  std::atomic<uint32_t> count;
  uint32_t value;
};
static_assert(sizeof(Header) == 8);

// `objects` objects of the same size, a Header first in each; and a table with as many counts.
class Objects {
 public:
  Objects(const LabOptions& options, Counts counts)
      : counts_(counts),
        object_bytes_(options.object_bytes),
        number_(options.objects),
        memory_(Mapping::anonymous(number_ * object_bytes_, Pages::kSmall)),
        table_(Mapping::anonymous(number_ * sizeof(uint32_t), Pages::kSmall)) {
    for (uint64_t i = 0; i < number_; i++) {
      header(i).count = counts == Counts::kNever ? kNeverCounted : 1;
      header(i).value = static_cast<uint32_t>(i);
      apart(i) = 1;
    }
  }

  // What a function does that is handed an object: it takes a reference, looks, and gives the reference back.
  uint32_t read(uint64_t i) {
    std::atomic<uint32_t>* count = nullptr;
    if (counts_ == Counts::kApart) count = &apart(i);
    if (counts_ == Counts::kInside || counts_ == Counts::kNever) count = &header(i).count;
    if (count != nullptr && *count == kNeverCounted) count = nullptr;
    if (count != nullptr) ++*count;
    const uint32_t value = header(i).value;
    if (count != nullptr) --*count;
    return value;
  }

  uint64_t number() const { return number_; }
  uint64_t bytes() const { return memory_.size(); }

 private:
  Header& header(uint64_t i) { return *reinterpret_cast<Header*>(memory_.data() + i * object_bytes_); }
  std::atomic<uint32_t>& apart(uint64_t i) { return reinterpret_cast<std::atomic<uint32_t>*>(table_.data())[i]; }

  const Counts counts_;
  const uint64_t object_bytes_, number_;
  const Mapping memory_, table_;
};

uint64_t reads_after(double percent, const Objects& objects) {
  return static_cast<uint64_t>(percent / 100 * static_cast<double>(objects.number()));
}

// The child: at each turn it reads random objects up to the next step. It changes nothing, as far as it knows.
void read_in_steps(Objects& objects, uint64_t seed, const Turn& turn) {
  Random random(seed);
  uint64_t reads = 0;
  volatile uint32_t seen = 0;  // so that the compiler believes in the reading
  if (!turn.wait()) return;
  turn.done();
  for (const double percent : kSteps) {
    if (!turn.wait()) return;
    for (const uint64_t until = reads_after(percent, objects); reads < until; reads++) {
      seen = objects.read(random.below(objects.number()));
    }
    turn.done();
  }
  turn.wait();  // its memory is looked at until the parent lets it go
  static_cast<void>(seen);
}

void report(const Objects& objects, Counts counts, uint64_t reads, const ProcessMemory& child,
            const ProcessMemory& before) {
  Line line("reading");
  line.text("counts", name_of(counts)).count("objects", objects.number()).count("bytes", objects.bytes());
  line.count("table_bytes", objects.number() * sizeof(uint32_t)).count("reads", reads);
  line.change("copied", child.private_dirty, before.private_dirty);
  line.count("faults", child.minor_faults - before.minor_faults);
}

void measure(const LabOptions& options, Counts counts) {
  Objects objects(options, counts);
  Child child = fork_child([&](Turn turn) { read_in_steps(objects, options.seed, turn); });
  child.next_turn();
  const ProcessMemory before = observe(child.pid());
  for (const double percent : kSteps) {
    child.next_turn();
    report(objects, counts, reads_after(percent, objects), observe(child.pid()), before);
  }
}

}  // namespace

void run_reading_with_refcounts(const LabOptions& options) {
  for (const Counts counts : {Counts::kNone, Counts::kNever, Counts::kApart, Counts::kInside}) {
    measure(options, counts);
  }
}

}  // namespace cowslip::bench
