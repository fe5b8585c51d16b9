#include "store/keyspace.h"

#include <utility>

namespace cowslip::store {

Keyspace::Keyspace(int databases, uint64_t hash_seed) : hash_seed_(hash_seed), random_(hash_seed ^ os_random_u64()) {
  for (int number = 0; number < databases; number++) databases_.push_back(std::make_unique<Database>(*this, number));
}

Keyspace::~Keyspace() = default;

void Keyspace::swap(int a, int b) {
  if (a == b) return;
  std::swap(database(a).contents_, database(b).contents_);
}

size_t Keyspace::total_keys() const {
  size_t keys = 0;
  for (const auto& db : databases_) keys += db->size();
  return keys;
}

size_t Keyspace::flush(int number, bool async) {
  Database& db = database(number);
  const size_t keys = db.size();
  auto contents = db.detach();
  if (async && keys > 0) lazy_free_.submit(keys, [contents = std::move(contents)]() mutable { contents.reset(); });
  return keys;
}

size_t Keyspace::flush_all(bool async) {
  size_t keys = 0;
  for (int number = 0; number < count(); number++) keys += flush(number, async);
  return keys;
}

}  // namespace cowslip::store
