// Any bytes as the value of a collection, a stream or a module, and as a blob: an answer, never a crash, never memory
// out of proportion, and the same answer whatever the size of the buffer. The first byte is the type.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "persistence/collection_reader.h"
#include "persistence/rdb_decoder.h"
#include "persistence/rdb_skipper.h"
#include "persistence/ziplist.h"
#include "persistence/zipmap.h"
#include "store/intset.h"
#include "store/listpack.h"

using namespace cowslip;
using namespace cowslip::persistence;

namespace {

// Writes down what it gets, and aborts when it comes in a way that it should not.
class Transcript final : public CollectionSink {
 public:
  void begin(const CollectionHead& head) override {
    if (begun_) std::abort();
    begun_ = true;
    text += static_cast<char>('0' + static_cast<int>(head.kind));
  }
  void element(const store::StringView& value) override { add(value); }
  bool member(const store::StringView& member) override {
    add(member);
    return true;
  }
  bool scored(const store::StringView& member, double score) override {
    if (std::isnan(score)) std::abort();
    add(member);
    text.append(reinterpret_cast<const char*>(&score), sizeof score);
    return true;
  }
  bool field(const store::StringView& field, const store::StringView& value) override {
    add(field);
    add(value);
    return true;
  }
  void end() override {
    if (!begun_ || ended_) std::abort();
    ended_ = true;
  }
  bool ended() const { return ended_; }

  std::string text;

 private:
  void add(const store::StringView& value) {
    if (!begun_ || ended_) std::abort();
    store::StringView::Scratch scratch;
    const std::string_view bytes = value.text(scratch);
    text += std::to_string(bytes.size()) + ":";
    text += bytes;
  }
  bool begun_ = false, ended_ = false;
};

std::string read(std::string_view bytes, uint8_t type, size_t buffer_bytes, uint64_t bytes_total) {
  MemorySource source(bytes);
  RdbDecoder decoder(source, {.verify_checksum = false, .buffer_bytes = buffer_bytes, .bytes_total = bytes_total});
  if (!CollectionReader::reads(type)) {
    auto skipped = skip_value(decoder, type);
    return skipped ? *skipped + std::to_string(decoder.offset()) : "error";
  }
  CollectionReader reader(decoder);
  Transcript transcript;
  const auto elements = reader.read(type, transcript);
  if (!elements) return "error";
  if (transcript.ended() != (*elements > 0)) std::abort();
  return transcript.text + std::to_string(decoder.offset());
}

void walk_blobs(std::string_view bytes) {
  uint64_t sum = 0;
  const auto touch = [&](const store::StringView& value) { sum += value.length(); };
  if (store::valid_listpack(bytes)) {
    const store::Listpack listpack(bytes);
    listpack.for_each(touch);
    if (listpack.at(-1) != listpack.end()) (void)listpack.find(listpack.get(listpack.at(-1)), listpack.begin(), 1);
    size_t backwards = 0;
    for (auto place = listpack.end(); place != listpack.begin(); place = listpack.previous(place)) backwards++;
    if (backwards != listpack.count()) std::abort();
  }
  if (ziplist_flaw(bytes).empty()) {
    const Ziplist ziplist(bytes);
    size_t count = 0;
    for (auto place = ziplist.begin(); place != ziplist.end(); place = ziplist.next(place), count++) {
      touch(ziplist.get(place));
    }
    if (count != ziplist.count()) std::abort();
  }
  if (zipmap_flaw(bytes).empty()) {
    const Zipmap zipmap(bytes);
    size_t count = 0;
    for (auto place = zipmap.begin(); place != zipmap.end(); place = zipmap.get(place).next, count++) {
      sum += zipmap.get(place).value.size();
    }
    if (count != zipmap.count()) std::abort();
  }
  if (store::valid_intset(bytes)) {
    const store::Intset set(bytes);
    for (size_t i = 0; i < set.size(); i++) {
      if (set.lower_bound(set.at(i)) != i) std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto type = static_cast<uint8_t>(data[0] % 24);
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string small = read(bytes, type, 64, bytes.size());
  if (small != read(bytes, type, 1 << 16, bytes.size()) || small != read(bytes, type, 100, 0)) std::abort();
  walk_blobs(bytes);
  return 0;
}
