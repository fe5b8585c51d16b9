// Lists, sets, sorted sets and hashes from RDB (collection_reader.h) into entries of the store
// (store/aggregate_builder.h). Nothing is stored before the whole value has been read and found sound.
#pragma once

#include <optional>
#include <string_view>

#include "persistence/collection_reader.h"
#include "store/aggregate_builder.h"

namespace cowslip::persistence {

// Keeps its buffers from one value to the next. Event loop only.
class AggregateReader {
 public:
  AggregateReader(RdbDecoder& decoder, store::Keyspace& keyspace) : collections_(decoder), builder_(keyspace) {}

  // The value that comes next, of a type that CollectionReader reads, as an entry of `db`. Nothing: it has no elements,
  // and Redis leaves such a key out. Errors as the reader's.
  Result<std::optional<store::PreparedEntry>> read(uint8_t type, store::Database& db, std::string_view key,
                                                   int64_t expire_at_ms);

 private:
  CollectionReader collections_;
  store::AggregateBuilder builder_;
};

}  // namespace cowslip::persistence
