// How the memory of a save at work goes on growing: a small model of what writers take and what the child gives back,
// fitted to what was seen so far. Used by forecast_running(); pure functions.
//
// Quantities, for each change of the dataset (all keys counted as of one size):
//   - a key that the child has not saved and nobody has written since the fork: its block is frozen, for the child
//   needs
//     it, and the new one takes other memory;
//   - a key that is new: takes memory, whatever the child has done;
//   - a key that is saved already: takes a block and frees one. That costs nothing, unless the new block is of another
//     size class (APPEND): then what is freed is of no use to those that come after it, and it costs as much as the
//     first kind;
//   - a key that was written since the fork: takes a block and frees one, in both cases.
// As the child moves on, the frozen blocks in what it has saved are free: the writers that follow take those before new
// memory. New memory is therefore what was needed beyond them, and it stops growing in the middle of a save.
//
// Assumed: what is written lies evenly in the order of the child's way; a byte of a block is a byte of memory.
//
// Sizes are bytes, times milliseconds since the fork.
#pragma once

#include <vector>

namespace cowslip::persistence {

// One look at a save at work, as the model sees it.
struct GrowthLook {
  double ms = 0;
  double progress = 0;     // of the child, by keys: 0 to 1
  double changes = 0;      // of the dataset, since the fork
  double growth = 0;       // of both processes
  double copied = 0;       // pages of the child's alone, now
  double copied_ever = 0;  // the same and those that it has given back
  double fresh = 0;        // blocks in new memory, less those freed again
};

// What kind of writers they are.
struct WriterKind {
  double keys = 1;         // at the fork
  double added_share = 0;  // of the changes: they add a key
  // The n-th change meets a key that nobody has written yet in proportion to n^(exponent - 1), beside e^(-n / keys),
  // which is what evenly spread ones do. Less than 1: some keys are written more than others (Heaps' law).
  double exponent = 1;
  bool resizing = false;  // new blocks are of another size class than those that they replace
  bool reusing = true;    // what the child gives back is used again
};

// The state of the model: in units of what one change takes that takes a new block.
class GrowthCourse {
 public:
  explicit GrowthCourse(const WriterKind& kind) : kind_(kind) {}
  // From where it is to there; neither goes back.
  void advance(double progress, double changes);
  double fresh() const { return fresh_; }

 private:
  void step(double progress, double changes);

  WriterKind kind_;
  double progress_ = 0;
  double changes_ = 0;
  double frozen_ = 0;  // blocks that the child still needs and the writers have replaced
  double given_ = 0;   // blocks that it has saved, not taken again
  double fresh_ = 0;
};

// A course with its unit: bytes = base + unit * course.fresh().
struct FittedCourse {
  GrowthCourse course;  // where the last look is
  double unit = 0;      // bytes
  double base = 0;      // bytes of growth that no change explains
  double error = 0;     // root of the mean square, bytes
};

// The kind of writers that explains best how `field` went, by least squares. The first of `kinds` unless another is
// clearly better; `noise`, in bytes, is the error that every one has, so that what is less decides nothing. `looks` has
// at least two entries, the first of them the fork.
FittedCourse fit_course(const std::vector<GrowthLook>& looks, double GrowthLook::* field, double noise,
                        const std::vector<WriterKind>& kinds);

// Kinds that new blocks and copied pages are tried with.
std::vector<WriterKind> kinds_of_blocks(double keys, double added_share);
std::vector<WriterKind> kinds_of_copies(double keys);

// Of the pages copied, how many the child gives back on its way to `progress`: they lie evenly in what is left of it.
double given_back(const GrowthLook& before, double progress);

}  // namespace cowslip::persistence
