// Any bytes as an RDB file and as a DUMP payload: an answer, never a crash, never memory out of proportion. What was
// loaded is saved and must load again, the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/crc64.h"
#include "persistence/collection_reader.h"
#include "persistence/dump_payload.h"
#include "persistence/rdb_decoder.h"
#include "persistence/rdb_loader.h"
#include "persistence/rdb_saver.h"
#include "persistence/rdb_skipper.h"
#include "server/admin/dataset_digest.h"

using namespace cowslip;
using namespace cowslip::persistence;

namespace {

// How many items come before the end or the error, which must not depend on the size of the buffer or on the way that
// entries are read.
struct Course {
  int items = 0;
  bool ended = false;
  friend bool operator==(const Course&, const Course&) = default;
};

class Nowhere final : public CollectionSink {
 public:
  void begin(const CollectionHead&) override {}
  void element(const store::StringView&) override {}
  bool member(const store::StringView&) override { return true; }
  bool scored(const store::StringView&, double) override { return true; }
  bool field(const store::StringView&, const store::StringView&) override { return true; }
  void end() override {}
};

bool read_past(RdbDecoder& decoder, uint8_t type) {
  if (!CollectionReader::reads(type)) return skip_value(decoder, type).has_value();
  Nowhere nowhere;
  return CollectionReader(decoder).read(type, nowhere).has_value();
}

Course decode(std::string_view bytes, size_t buffer_bytes, bool buffered = false) {
  MemorySource source(bytes);
  RdbDecoder decoder(source, {.verify_checksum = false, .buffer_bytes = buffer_bytes, .bytes_total = bytes.size()});
  Course course;
  if (!decoder.begin()) return course;
  for (;;) {
    RdbItem entry;
    while (buffered && decoder.next_buffered(entry)) course.items++;
    auto item = decoder.next();
    if (!item) break;
    course.items++;
    if (item->kind == RdbItem::Kind::kUnread && !read_past(decoder, item->type)) break;
    course.ended = item->kind == RdbItem::Kind::kEnd;
    if (course.ended) break;
  }
  return course;
}

// What an entry is dumped as, restored.
void dump_and_restore(const store::Entry& entry, store::Keyspace& to) {
  const auto made = decode_dump(encode_dump(entry), to, to.database(0), entry.key(), entry.expire_at_ms());
  if (!made || server::value_digest(made->entry()) != server::value_digest(entry)) std::abort();
}

void load_and_save(std::string_view bytes) {
  store::Keyspace keyspace(16, 1), again(16, 1);
  const LoadOptions options{.verify_checksum = false,
                            .skip_expired = false,
                            .now_ms = 0,
                            .replace_existing = true,
                            .skip_unknown_types = true};
  MemorySource source(bytes);
  if (!load_rdb(keyspace, source, bytes.size(), options)) return;
  StringSink saved;
  if (!save_rdb(keyspace, saved, {})) std::abort();
  MemorySource saved_source(saved.bytes);
  const LoadOptions strict{.skip_expired = false};
  if (!load_rdb(again, saved_source, saved.bytes.size(), strict)) std::abort();
  if (again.total_keys() != keyspace.total_keys()) std::abort();
  if (server::dataset_digest(again) != server::dataset_digest(keyspace)) std::abort();
  for (int number = 0; number < keyspace.count(); number++) {
    keyspace.database(number).for_each([&](const store::Entry& entry) { dump_and_restore(entry, again); });
  }
}

void restore(std::string_view payload) {
  store::Keyspace keyspace(1, 1);
  auto made = decode_dump(payload, keyspace, keyspace.database(0), "k", store::kNoExpiry);
  if (!made) return;
  keyspace.database(0).load(std::move(*made), {.key = "k"});
  dump_and_restore(*keyspace.database(0).find("k"), keyspace);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Course course = decode(bytes, 64);
  if (course != decode(bytes, 1 << 16) || course != decode(bytes, 100, true)) std::abort();
  load_and_save(bytes);
  // As a payload under a trailer that is right, so that what is in it is looked at.
  std::string payload(bytes);
  payload += std::string("\x0b\0", 2);
  const uint64_t checksum = crc64(0, payload);
  payload.append(reinterpret_cast<const char*>(&checksum), sizeof checksum);
  restore(bytes);
  restore(payload);
  return 0;
}
