#include "commands/tracking_table.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

namespace cowslip::commands {
namespace {

// A table that has become this sparse is made smaller, or a random key would be long to find.
constexpr size_t kSparse = 8;
constexpr size_t kBucketsKept = 16;
// Of a node: the next one, and the hash.
constexpr size_t kNodeOverhead = 2 * sizeof(void*);

}  // namespace

TrackingTable::TrackingTable() : parts_(std::make_unique<Parts>()) {}

TrackingTable::~TrackingTable() = default;

size_t TrackingTable::bytes_of(const Part::value_type& entry) {
  const auto& [key, readers] = entry;
  size_t bytes = kNodeOverhead + sizeof entry;
  if (key.capacity() > std::string().capacity()) bytes += key.capacity() + 1;
  if (readers.more) bytes += sizeof(std::vector<uint64_t>) + readers.more->capacity() * sizeof(uint64_t);
  return bytes;
}

void TrackingTable::add(std::string_view key, uint64_t client) {
  Part& part = part_of(key);
  const auto found = part.find(key);
  if (found == part.end()) {
    entry_bytes_ += bytes_of(*part.emplace(key, Readers{client, nullptr}).first);
    keys_++;
    items_++;
    return;
  }
  Readers& readers = found->second;
  if (!readers.more) {
    if (readers.only == client) return;
    entry_bytes_ -= bytes_of(*found);
    readers.more = std::make_unique<std::vector<uint64_t>>(std::initializer_list{readers.only, client});
    std::ranges::sort(*readers.more);
  } else {
    const auto place = std::ranges::lower_bound(*readers.more, client);
    if (place != readers.more->end() && *place == client) return;
    entry_bytes_ -= bytes_of(*found);
    readers.more->insert(place, client);
  }
  entry_bytes_ += bytes_of(*found);
  items_++;
}

std::vector<uint64_t> TrackingTable::take(std::string_view key) {
  Part& part = part_of(key);
  const auto found = part.find(key);
  if (found == part.end()) return {};
  entry_bytes_ -= bytes_of(*found);
  std::vector<uint64_t> clients;
  if (found->second.more) {
    clients = std::move(*found->second.more);
  } else {
    clients.push_back(found->second.only);
  }
  part.erase(found);
  keys_--;
  items_ -= clients.size();
  if (part.bucket_count() > kBucketsKept && part.size() * kSparse < part.bucket_count()) part.rehash(0);
  return clients;
}

std::string_view TrackingTable::random_key(Random& random) const {
  assert(keys_ > 0);
  while (true) {
    const Part& part = (*parts_)[random.below(kParts)];
    if (part.empty()) continue;
    const size_t bucket = random.below(part.bucket_count());
    const size_t there = part.bucket_size(bucket);
    if (there > 0) return std::next(part.begin(bucket), static_cast<std::ptrdiff_t>(random.below(there)))->first;
  }
}

size_t TrackingTable::memory_bytes() const {
  size_t bytes = sizeof *parts_ + entry_bytes_;
  for (const Part& part : *parts_) bytes += part.bucket_count() * sizeof(void*);
  return bytes;
}

}  // namespace cowslip::commands
