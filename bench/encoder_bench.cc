// What encoding costs and saves for data of several kinds: plain, compressed where that pays, and, to compare, with an
// attempt at every value. `percent` is the size of the file beside the plain one's.
#include <benchmark/benchmark.h>
#include <liblzf/lzf.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "base/random.h"
#include "persistence/rdb_encoder.h"

namespace cowslip::persistence {
namespace {

using Values = std::vector<std::string>;

std::string drawn(Random& random, size_t length, std::string_view alphabet) {
  std::string text(length, ' ');
  for (char& c : text) c = alphabet[random.below(alphabet.size())];
  return text;
}

std::string random_bytes(Random& random, size_t length) {
  std::string bytes(length, ' ');
  for (char& c : bytes) c = static_cast<char>(random.next());
  return bytes;
}

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kHex = "0123456789abcdef";

std::string_view word(Random& random) {
  static constexpr std::string_view kWords[] = {
      "the",   "of",    "and",   "meadow", "flower", "in",   "spring", "a",     "cowslip", "grows", "yellow",
      "where", "is",    "soft",  "rain",   "falls",  "was",  "old",    "house", "by",      "river", "with",
      "many",  "stone", "path",  "who",    "sang",   "for",  "their",  "bread", "under",   "quiet", "sky",
      "early", "light", "among", "green",  "leaves", "bees", "come",   "back",  "every",   "year",  "to"};
  return kWords[random.below(std::size(kWords))];
}

std::string text(Random& random, size_t length) {
  std::string text;
  while (text.size() < length) text.append(word(random)).append(" ");
  text.resize(length);
  return text;
}

std::string json(Random& random) {
  std::string object = "{\"id\":" + std::to_string(random.below(10'000'000));
  for (const char* field : {"name", "street", "city", "nickname"}) {
    object.append(",\"").append(field).append("\":\"").append(word(random)).append("\"");
  }
  for (const char* field : {"created_at", "updated_at", "deleted_at"}) {
    object.append(",\"").append(field).append("\":\"2024-03-").append(std::to_string(10 + random.below(20)));
    object.append("T12:").append(std::to_string(10 + random.below(50))).append(":00Z\"");
  }
  object += ",\"note\":\"";
  return object + text(random, 298 - object.size()) + "\"}";
}

struct Kind {
  const char* name;
  std::function<std::string(Random&, size_t number)> make;
  size_t count = 50'000;
};

const Kind kKinds[] = {
    {"random 100", [](Random& r, size_t) { return random_bytes(r, 100); }},
    {"json 300", [](Random& r, size_t) { return json(r); }},
    {"text 100", [](Random& r, size_t) { return text(r, 100); }},
    {"text 50", [](Random& r, size_t) { return text(r, 50); }},
    {"base64 100", [](Random& r, size_t) { return drawn(r, 100, kBase64); }},
    {"hex 64", [](Random& r, size_t) { return drawn(r, 64, kHex); }},
    {"hex 1000", [](Random& r, size_t) { return drawn(r, 1000, kHex); }, 10'000},
    {"zeros 100", [](Random&, size_t) { return std::string(100, '\0'); }},
    {"10 KiB mixed", [](Random& r, size_t) { return random_bytes(r, 5000) + text(r, 5240); }, 2'000},
    {"10 KiB random", [](Random& r, size_t) { return random_bytes(r, 10240); }, 2'000},
    {"alternating random 100, json 300",
     [](Random& r, size_t n) { return n % 2 == 0 ? random_bytes(r, 100) : json(r); }},
    {"alternating hex 100, text 100",
     [](Random& r, size_t n) { return n % 2 == 0 ? drawn(r, 100, kHex) : text(r, 100); }},
    {"one of 20 compressible 100",
     [](Random& r, size_t n) {
       return n % 20 == 0 ? std::string(50, 'x') + random_bytes(r, 50) : random_bytes(r, 100);
     }},
};

Values values_of(const Kind& kind) {
  Random random(1);
  Values values;
  for (size_t i = 0; i < kind.count; i++) values.push_back(kind.make(random, i));
  return values;
}

class NullSink final : public ByteSink {
 public:
  Status append(std::string_view) override { return {}; }
};

uint64_t encode(const Values& values, bool compression) {
  NullSink sink;
  RdbEncoder encoder(sink, {.compression = compression});
  for (const std::string& value : values) (void)encoder.string_entry("key:000000000000", store::StringView(value));
  (void)encoder.finish();
  return encoder.bytes_written();
}

// Every value tried: what shrinks goes through compressed, as compressing where it pays would do it.
uint64_t encode_always(const Values& values) {
  NullSink sink;
  RdbEncoder encoder(sink, {.compression = false});
  std::string room;
  for (const std::string& value : values) {
    room.resize(value.size());
    const unsigned size = lzf_compress(value.data(), static_cast<unsigned>(value.size()), room.data(),
                                       static_cast<unsigned>(value.size() - 4));
    const std::string_view written = size == 0 ? std::string_view(value) : std::string_view(room).substr(0, size);
    (void)encoder.string_entry("key:000000000000", store::StringView(written));
    if (size != 0) (void)encoder.length(value.size()), (void)encoder.type(RdbType::kString);  // as large as LZF's head
  }
  (void)encoder.finish();
  return encoder.bytes_written();
}

enum Mode { kPlain, kWherePays, kAlways };

void run(benchmark::State& state, const Kind& kind, Mode mode) {
  const Values values = values_of(kind);
  const auto plain = static_cast<double>(encode(values, false));
  uint64_t bytes = 0;
  for (auto _ : state) bytes = mode == kAlways ? encode_always(values) : encode(values, mode == kWherePays);
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * values.size()));
  state.counters["percent"] = 100.0 * static_cast<double>(bytes) / plain;
}

const bool registered = [] {
  for (const Kind& kind : kKinds) {
    for (const auto& [name, mode] : {std::pair{"plain", kPlain}, {"where it pays", kWherePays}, {"always", kAlways}}) {
      benchmark::RegisterBenchmark((std::string("encode/") + kind.name + "/" + name).c_str(), run, kind, mode);
    }
  }
  return true;
}();

}  // namespace
}  // namespace cowslip::persistence
