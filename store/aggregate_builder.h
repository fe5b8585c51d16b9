// Makes an aggregate of elements that come one after the other, in any order, before any key refers to it: how files
// and RESTORE bring them.
//
// Problem: adding elements to a key's value one by one means a search for each, in a value that may turn out to be
// damaged in the middle. Solution: the elements are gathered first. Of few, one blob is made; of many, they are put in
// order and packed into trees from the first to the last (packed_tree_append.h). More than fit in a batch are added in
// order of their hashes, batch after batch. Nobody sees the value before finish().
//
// The form depends on the keyspace's encoding limits as it does when Redis loads a file.
//
// Keeps its memory from one value to the next, unless that was a large one. Event loop only; no snapshot may begin
// between begin() and finish().
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/keyspace.h"
#include "store/listpack.h"
#include "store/packed_tree_append.h"
#include "store/prepared_entry.h"

namespace cowslip::store {

class AggregateBuilder {
 public:
  // How the elements lay where they come from.
  enum class Source : uint8_t {
    kElements,  // one after the other
    kPacked,    // in a listpack, or what was there before it: however long one is, it may be in one again
    kIntset,
  };

  // `batch_bytes`: so much is gathered before it goes into the trees of a big aggregate.
  explicit AggregateBuilder(Keyspace& keyspace, size_t batch_bytes = 32 << 20)
      : keyspace_(keyspace), batch_bytes_(batch_bytes) {}
  ~AggregateBuilder() { drop(); }
  AggregateBuilder(const AggregateBuilder&) = delete;
  AggregateBuilder& operator=(const AggregateBuilder&) = delete;

  // A new value, in memory of `db`. What was begun before and not finished is dropped. `distinct`: the caller sees to
  // it that no member or field comes twice.
  void begin(Database& db, ObjectType type, Source source, bool distinct);

  // ---- one of them, as often as there are elements ----
  void element(const StringView& value);  // of a list, from its head to its tail
  // False: a member or field has come twice. That may be found out later, even only by finish().
  bool member(const StringView& member);
  bool scored(const StringView& member, double score);  // REQUIRES: not NaN
  bool field(const StringView& field, const StringView& value);

  // The whole. Nothing: a member or field has come twice. REQUIRES: at least one element has come.
  std::optional<PreparedEntry> finish(std::string_view key, int64_t expire_at_ms);
  void drop();

  // The same at once: of a listpack that is as it would be made here, with so many members or fields. Nothing: they are
  // too many for one.
  std::optional<PreparedEntry> make_packed(Database& db, ObjectType type, uint64_t elements, std::string_view listpack,
                                           std::string_view key, int64_t expire_at_ms);

 private:
  // What is sorted: an element's place in the batch, by its hash, or by its score and name.
  struct ByHash {
    uint32_t hash;
    uint32_t number;
  };
  struct ByScore {
    double score;
    uint32_t number;
  };

  EntryFactory& factory() const;
  const EncodingLimits& limits() const { return keyspace_.encoding_limits(); }

  // ---- the batch ----
  size_t gathered() const { return ends_.size(); }
  std::string_view gathered(size_t number) const {
    const uint64_t begin = number == 0 ? 0 : ends_[number - 1];
    return {bytes_.data() + begin, ends_[number] - begin};
  }
  // What the element is found by: its first bytes, or those behind their length.
  std::string_view name_in(std::string_view element) const;
  void gather(std::string_view bytes);
  bool end_element();
  void clear_batch();
  void sort_by_hash();
  void sort_by_score();
  // Whether two that have the same hash have the same name. REQUIRES: sort_by_hash().
  bool any_twice() const;

  // ---- small ones ----
  int64_t most_in_listpack(ObjectType type) const;
  bool fits_listpack() const;
  bool fits_intset() const;
  std::string_view make_listpack();
  std::string_view make_intset();
  std::optional<PreparedEntry> finish_small(std::string_view key, int64_t expire_at_ms);

  // ---- big ones ----
  void begin_big();
  // The batch goes into the trees. False: an element has come twice.
  bool spill();
  bool add_by_hash();
  void add_by_score();
  void begin_big_list();

  Keyspace& keyspace_;
  const size_t batch_bytes_;

  // Of the value that is being made.
  Database* db_ = nullptr;
  ObjectType type_ = ObjectType::kList;
  Source source_ = Source::kElements;
  bool distinct_ = false;
  uint64_t count_ = 0;
  size_t longest_ = 0;
  bool all_integers_ = false;  // so far, and few enough for an intset
  std::vector<int64_t> integers_;
  ListpackBuilder listpack_;
  std::string intset_;

  // The batch: elements as trees have them, one after the other.
  std::string bytes_;
  std::vector<uint64_t> ends_;
  std::vector<double> scores_;
  std::vector<ByHash> by_hash_, sorting_;
  std::vector<ByScore> by_score_;

  bool big_ = false;
  AggregateRoot root_;
  std::optional<PackedTree> list_;
  std::optional<PackedTreeAppender> list_end_;
};

}  // namespace cowslip::store
