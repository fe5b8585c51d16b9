// Collections as a test holds them, and a sink that makes them.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "persistence/collection_reader.h"

namespace cowslip::persistence {

inline std::string text_of(const store::StringView& value) {
  store::StringView::Scratch scratch;
  return std::string(value.text(scratch));
}

// As the golden files' descriptions have them: of a list or set the elements, of the others pairs; all but lists
// sorted, scores as "%.17g".
struct CollectionModel {
  std::string type;
  std::vector<std::string> elements;
  std::vector<std::pair<std::string, std::string>> pairs;
  friend bool operator==(const CollectionModel&, const CollectionModel&) = default;
};

class ModelSink final : public CollectionSink {
 public:
  void begin(const CollectionHead& began) override {
    EXPECT_FALSE(head.has_value()) << "begun twice";
    head = began;
  }
  void element(const store::StringView& value) override {
    expect_begun(CollectionKind::kList);
    model.elements.push_back(text_of(value));
  }
  bool member(const store::StringView& member) override {
    expect_begun(CollectionKind::kSet);
    return values_.try_emplace(text_of(member)).second;
  }
  bool scored(const store::StringView& member, double score) override {
    expect_begun(CollectionKind::kSortedSet);
    ranks_.emplace_back(score, text_of(member));
    return values_.try_emplace(text_of(member), fmt::format("{:.17g}", score)).second;
  }
  bool field(const store::StringView& field, const store::StringView& value) override {
    expect_begun(CollectionKind::kHash);
    return values_.try_emplace(text_of(field), text_of(value)).second;
  }
  void end() override {
    EXPECT_FALSE(ended);
    ended = true;
    switch (head->kind) {
      case CollectionKind::kList:
        model.type = "list";
        break;
      case CollectionKind::kSet:
        model.type = "set";
        for (const auto& [member, nothing] : values_) model.elements.push_back(member);
        break;
      case CollectionKind::kSortedSet:
        model.type = "zset";
        std::sort(ranks_.begin(), ranks_.end());
        for (const auto& [score, member] : ranks_) model.pairs.emplace_back(member, values_[member]);
        break;
      case CollectionKind::kHash:
        model.type = "hash";
        model.pairs.assign(values_.begin(), values_.end());
        break;
    }
  }

  CollectionModel model;
  std::optional<CollectionHead> head;
  bool ended = false;

 private:
  void expect_begun(CollectionKind kind) const {
    ASSERT_TRUE(head.has_value());
    EXPECT_EQ(head->kind, kind);
    EXPECT_FALSE(ended);
  }

  std::map<std::string, std::string> values_;
  std::vector<std::pair<double, std::string>> ranks_;
};

struct ReadCollection {
  Result<uint64_t> elements = 0;
  CollectionModel model;
  std::optional<CollectionHead> head;
  bool ended = false;
  uint64_t offset = 0;
};

// The value of `type` that `bytes` begin with. A small buffer makes every string cross its edge sooner or later.
inline ReadCollection read_collection(RdbType type, std::string_view bytes, size_t buffer_bytes = 64) {
  MemorySource source(bytes);
  RdbDecoder decoder(source, {.verify_checksum = false, .buffer_bytes = buffer_bytes, .bytes_total = bytes.size()});
  CollectionReader reader(decoder);
  ModelSink sink;
  auto elements = reader.read(static_cast<uint8_t>(type), sink);
  return {std::move(elements), std::move(sink.model), sink.head, sink.ended, decoder.offset()};
}

}  // namespace cowslip::persistence
