#include "persistence/aggregate_reader.h"

namespace cowslip::persistence {
namespace {

using store::AggregateBuilder;
using store::ObjectType;
using store::StringView;

ObjectType type_of(CollectionKind kind) {
  switch (kind) {
    case CollectionKind::kList:
      return ObjectType::kList;
    case CollectionKind::kSet:
      return ObjectType::kSet;
    case CollectionKind::kSortedSet:
      return ObjectType::kSortedSet;
    case CollectionKind::kHash:
      return ObjectType::kHash;
  }
  return ObjectType::kList;
}

// Redis goes by the number of elements alone where they lay together, but for zipmaps.
AggregateBuilder::Source source_of(RdbType form) {
  switch (form) {
    case RdbType::kSetIntset:
      return AggregateBuilder::Source::kIntset;
    case RdbType::kHashZiplist:
    case RdbType::kHashListpack:
    case RdbType::kSortedSetZiplist:
    case RdbType::kSortedSetListpack:
    case RdbType::kSetListpack:
      return AggregateBuilder::Source::kPacked;
    default:
      return AggregateBuilder::Source::kElements;
  }
}

class BuildingSink final : public CollectionSink {
 public:
  BuildingSink(AggregateBuilder& builder, store::Database& db, std::string_view key, int64_t expire_at_ms)
      : builder_(builder), db_(db), key_(key), expire_at_ms_(expire_at_ms) {}

  bool take(const CollectionHead& head, std::string_view listpack) override {
    auto entry = builder_.make_packed(db_, type_of(head.kind), head.expected, listpack, key_, expire_at_ms_);
    if (entry) taken_.emplace(std::move(*entry));
    return taken_.has_value();
  }
  void begin(const CollectionHead& head) override {
    builder_.begin(db_, type_of(head.kind), source_of(head.form), head.distinct);
  }
  void element(const StringView& value) override { builder_.element(value); }
  bool member(const StringView& member) override { return builder_.member(member); }
  bool scored(const StringView& member, double score) override { return builder_.scored(member, score); }
  bool field(const StringView& field, const StringView& value) override { return builder_.field(field, value); }
  void end() override {}

  // What was read. Nothing: a member or field has come twice.
  std::optional<store::PreparedEntry> finish() {
    return taken_ ? std::move(taken_) : builder_.finish(key_, expire_at_ms_);
  }

 private:
  AggregateBuilder& builder_;
  store::Database& db_;
  std::string_view key_;
  int64_t expire_at_ms_;
  std::optional<store::PreparedEntry> taken_;
};

}  // namespace

Result<std::optional<store::PreparedEntry>> AggregateReader::read(uint8_t type, store::Database& db,
                                                                  std::string_view key, int64_t expire_at_ms) {
  BuildingSink sink(builder_, db, key, expire_at_ms);
  const auto elements = collections_.read(type, sink);
  if (!elements) {
    builder_.drop();
    return std::unexpected(elements.error());
  }
  if (*elements == 0) return std::nullopt;
  auto made = sink.finish();
  if (!made) return collections_.same_twice();
  return made;
}

}  // namespace cowslip::persistence
