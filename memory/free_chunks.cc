#include "memory/free_chunks.h"

#include <cassert>

#include "memory/bits.h"

namespace cowslip::memory {
namespace {

// How many resident chunks are looked at. After a flush during a save there may be as many frozen ones as the server
// had chunks, until the keeper has given them back; a few ready ones behind them are not worth the search.
constexpr int kTries = 64;

}  // namespace

bool ChunkSet::contains(size_t chunk) const {
  return bit_at(words_, chunk);
}

void ChunkSet::insert(size_t chunk) {
  assert(!contains(chunk));
  set_bit(words_, chunk);
  size_++;
}

void ChunkSet::erase(size_t chunk) {
  assert(contains(chunk));
  clear_bit(words_, chunk);
  size_--;
}

std::optional<ChunkNumber> ChunkSet::next(size_t from) const {
  if (size_ == 0) return std::nullopt;
  const size_t found = find_bit(words_, from, true);
  if (found == words_.size() * 64) return std::nullopt;
  return static_cast<ChunkNumber>(found);
}

std::optional<ChunkNumber> ChunkSet::last() const {
  if (size_ == 0) return std::nullopt;
  size_t word = words_.size();
  while (words_[word - 1] == 0) word--;
  return static_cast<ChunkNumber>(word * 64 - 1 - static_cast<size_t>(std::countl_zero(words_[word - 1])));
}

size_t FreeChunks::ready() const {
  if (!epoch_.child_alive()) return resident_.size();
  size_t count = 0;
  auto chunk = resident_.next(0);
  for (int tries = 0; chunk && tries < kTries; tries++, chunk = resident_.next(*chunk + 1)) count += !is_frozen(*chunk);
  return count;
}

ChunkNumber FreeChunks::take() {
  const auto chunk = first_resident(/*frozen=*/false);
  if (!chunk) return take_clean();
  resident_.erase(*chunk);
  return *chunk;
}

ChunkNumber FreeChunks::take_clean() {
  const auto chunk = clean_.next(0);
  if (!chunk) return static_cast<ChunkNumber>(frontier_++);
  clean_.erase(*chunk);
  return *chunk;
}

ChunkNumber FreeChunks::take_run(size_t count) {
  const size_t first = find_run(count);
  for (size_t chunk = first; chunk < first + count; chunk++) take_out(chunk);
  return static_cast<ChunkNumber>(first);
}

std::optional<ChunkNumber> FreeChunks::take_surplus(size_t keep) {
  auto chunk = first_resident(/*frozen=*/true);
  if (!chunk && resident_.size() > keep) chunk = resident_.last();
  if (chunk) resident_.erase(*chunk);
  return chunk;
}

bool FreeChunks::usable(size_t chunk) const {
  return clean_.contains(chunk) || (resident_.contains(chunk) && !is_frozen(chunk));
}

std::optional<ChunkNumber> FreeChunks::first_resident(bool frozen) const {
  if (frozen && !epoch_.child_alive()) return std::nullopt;
  auto chunk = resident_.next(0);
  for (int tries = 0; chunk && tries < kTries; tries++, chunk = resident_.next(*chunk + 1)) {
    if (is_frozen(*chunk) == frozen) return chunk;
  }
  return std::nullopt;
}

// Everything beyond the frontier is free, so there always is one.
size_t FreeChunks::find_run(size_t count) const {
  size_t first = 1;
  for (size_t chunk = first; chunk < frontier_ && chunk - first < count; chunk++) {
    if (!usable(chunk)) first = chunk + 1;
  }
  return first;
}

void FreeChunks::take_out(size_t chunk) {
  if (chunk >= frontier_) {
    frontier_ = chunk + 1;
  } else {
    (resident_.contains(chunk) ? resident_ : clean_).erase(chunk);
  }
}

}  // namespace cowslip::memory
