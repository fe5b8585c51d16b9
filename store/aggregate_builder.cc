#include "store/aggregate_builder.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "store/hash.h"
#include "store/hash_tree.h"
#include "store/intset.h"
#include "store/list.h"
#include "store/name_hash.h"
#include "store/sorted_set.h"

namespace cowslip::store {
namespace {

// Memory that is kept for the next value.
constexpr size_t kKeptBytes = 1 << 20;
// So far ahead an element's bytes are asked for: they lie in another order than they are read in.
constexpr size_t kAhead = 8;

template <typename T>
void clear_or_free(T& container) {
  if (container.capacity() * sizeof(*container.data()) > kKeptBytes) {
    container = T();
  } else {
    container.clear();
  }
}

// By hash, in three passes of eleven bits; equal ones stay in their order.
template <typename Record>
void radix_sort(std::vector<Record>& records, std::vector<Record>& scratch) {
  constexpr unsigned kBits = 11;
  constexpr uint32_t kMask = (1u << kBits) - 1;
  scratch.resize(records.size());
  for (unsigned shift = 0; shift < 32; shift += kBits) {
    std::array<uint32_t, kMask + 2> begins{};
    for (const Record& record : records) begins[(record.hash >> shift & kMask) + 1]++;
    for (size_t i = 1; i < begins.size(); i++) begins[i] += begins[i - 1];
    for (const Record& record : records) scratch[begins[record.hash >> shift & kMask]++] = record;
    records.swap(scratch);
  }
}

}  // namespace

EntryFactory& AggregateBuilder::factory() const {
  return db_->contents_->factory;
}

// ---- elements ----

void AggregateBuilder::begin(Database& db, ObjectType type, Source source, bool distinct) {
  drop();
  db_ = &db;
  type_ = type;
  source_ = source;
  distinct_ = distinct;
  all_integers_ = type == ObjectType::kSet && source != Source::kPacked;
}

void AggregateBuilder::drop() {
  list_end_.reset();
  list_.reset();
  if (std::exchange(big_, false)) factory().drop_aggregate(type_, root_);
  listpack_.clear();
  integers_.clear();
  clear_batch();
  count_ = 0;
  longest_ = 0;
}

void AggregateBuilder::gather(std::string_view bytes) {
  bytes_.append(bytes);
  longest_ = std::max(longest_, bytes.size());
}

bool AggregateBuilder::end_element() {
  ends_.push_back(bytes_.size());
  count_++;
  const bool full = bytes_.size() + ends_.size() * (sizeof(ByHash) + sizeof(uint64_t)) >= batch_bytes_;
  return !full || fits_intset() || fits_listpack() || spill();
}

void AggregateBuilder::element(const StringView& value) {
  StringView::Scratch scratch;
  const std::string_view text = value.text(scratch);
  count_++;
  if (big_) return list_end_->append(0, text);
  listpack_.append(value);
  if (!list_fits_listpack(limits(), listpack_.size(), listpack_.count())) begin_big_list();
}

bool AggregateBuilder::member(const StringView& member) {
  if (all_integers_) {
    const auto integer = member.is_integer() ? member.integer() : parse_int64(member.bytes());
    all_integers_ = integer && within(count_ + 1, limits().set_max_intset_entries);
    if (all_integers_) integers_.push_back(*integer);
  }
  StringView::Scratch scratch;
  gather(member.text(scratch));
  return end_element();
}

bool AggregateBuilder::scored(const StringView& member, double score) {
  StringView::Scratch scratch;
  gather(member.text(scratch));
  bytes_.append(reinterpret_cast<const char*>(&score), sizeof score);
  scores_.push_back(score);
  return end_element();
}

bool AggregateBuilder::field(const StringView& field, const StringView& value) {
  StringView::Scratch scratch;
  const std::string_view name = field.text(scratch);
  char head[sizeof(uint64_t) + 2];
  bytes_.append(head, static_cast<size_t>(internal::put_field_head(head, name.size()) - head));
  gather(name);
  gather(value.text(scratch));
  return end_element();
}

// ---- the batch ----

std::string_view AggregateBuilder::name_in(std::string_view element) const {
  if (type_ == ObjectType::kHash) return internal::split_field(element).field;
  if (type_ == ObjectType::kSortedSet) return element.substr(0, element.size() - sizeof(double));
  return element;
}

void AggregateBuilder::clear_batch() {
  clear_or_free(bytes_);
  clear_or_free(ends_);
  clear_or_free(scores_);
  clear_or_free(by_hash_);
  clear_or_free(sorting_);
  clear_or_free(by_score_);
}

void AggregateBuilder::sort_by_hash() {
  constexpr size_t kFew = 4096;
  by_hash_.resize(gathered());
  for (size_t i = 0; i < gathered(); i++) {
    by_hash_[i] = {name_hash(name_in(gathered(i)), keyspace_.hash_seed()), static_cast<uint32_t>(i)};
  }
  if (gathered() > kFew) return radix_sort(by_hash_, sorting_);
  std::ranges::sort(by_hash_, {}, &ByHash::hash);
}

bool AggregateBuilder::any_twice() const {
  for (size_t i = 0; i < by_hash_.size(); i++) {
    for (size_t j = i + 1; j < by_hash_.size() && by_hash_[j].hash == by_hash_[i].hash; j++) {
      if (name_in(gathered(by_hash_[i].number)) == name_in(gathered(by_hash_[j].number))) return true;
    }
  }
  return false;
}

// Files have sorted sets in order, or from the greatest member to the least.
void AggregateBuilder::sort_by_score() {
  by_score_.resize(gathered());
  for (size_t i = 0; i < gathered(); i++) by_score_[i] = {scores_[i], static_cast<uint32_t>(i)};
  const auto before = [this](const ByScore& a, const ByScore& b) {
    return a.score != b.score ? a.score < b.score : name_in(gathered(a.number)) < name_in(gathered(b.number));
  };
  if (std::ranges::is_sorted(by_score_, before)) return;
  std::ranges::reverse(by_score_);
  if (!std::ranges::is_sorted(by_score_, before)) std::ranges::sort(by_score_, before);
}

// ---- small ones ----

bool AggregateBuilder::fits_intset() const {
  return all_integers_ && type_ == ObjectType::kSet;
}

int64_t AggregateBuilder::most_in_listpack(ObjectType type) const {
  return type == ObjectType::kSet    ? limits().set_max_listpack_entries
         : type == ObjectType::kHash ? limits().hash_max_listpack_entries
                                     : limits().zset_max_listpack_entries;
}

bool AggregateBuilder::fits_listpack() const {
  if (source_ == Source::kIntset || !within(count_, most_in_listpack(type_))) return false;
  return source_ == Source::kPacked ||
         within(longest_, type_ == ObjectType::kSet    ? limits().set_max_listpack_value
                          : type_ == ObjectType::kHash ? limits().hash_max_listpack_value
                                                       : limits().zset_max_listpack_value);
}

std::optional<PreparedEntry> AggregateBuilder::make_packed(Database& db, ObjectType type, uint64_t elements,
                                                           std::string_view listpack, std::string_view key,
                                                           int64_t expire_at_ms) {
  if (!within(elements, most_in_listpack(type))) return {};
  return PreparedEntry(db, db.contents_->factory.make_blob(key, type, Encoding::kListpack, listpack, expire_at_ms));
}

std::string_view AggregateBuilder::make_intset() {
  std::ranges::sort(integers_);
  store::make_intset(intset_, integers_);
  return intset_;
}

std::string_view AggregateBuilder::make_listpack() {
  if (type_ == ObjectType::kSortedSet) {
    sort_by_score();
    for (const ByScore& next : by_score_) {
      listpack_.append(StringView(name_in(gathered(next.number))));
      internal::append_score(listpack_, next.score);
    }
    return listpack_.finish();
  }
  for (size_t i = 0; i < gathered(); i++) {
    if (type_ == ObjectType::kHash) {
      const auto [field, value] = internal::split_field(gathered(i));
      listpack_.append(StringView(field));
      listpack_.append(StringView(value));
    } else {
      listpack_.append(StringView(gathered(i)));
    }
  }
  return listpack_.finish();
}

std::optional<PreparedEntry> AggregateBuilder::finish_small(std::string_view key, int64_t expire_at_ms) {
  if (type_ == ObjectType::kList) {
    return PreparedEntry(*db_, factory().make_blob(key, type_, Encoding::kListpack, listpack_.finish(), expire_at_ms));
  }
  if (!distinct_) {
    sort_by_hash();
    if (any_twice()) return {};
  }
  const bool intset = fits_intset();
  const std::string_view blob = intset ? make_intset() : make_listpack();
  const Encoding encoding = intset ? Encoding::kIntset : Encoding::kListpack;
  return PreparedEntry(*db_, factory().make_blob(key, type_, encoding, blob, expire_at_ms));
}

// ---- big ones ----

void AggregateBuilder::begin_big() {
  root_ = factory().begin_aggregate();
  big_ = true;
}

void AggregateBuilder::begin_big_list() {
  begin_big();
  list_.emplace(factory().nodes(), root_.first, NodeKey::kNone, static_cast<uint32_t>(root_.object));
  list_end_.emplace(*list_);
  Listpack(listpack_.finish()).for_each([this](const StringView& value) {
    StringView::Scratch scratch;
    list_end_->append(0, value.text(scratch));
  });
  listpack_.clear();
}

bool AggregateBuilder::spill() {
  if (!big_) begin_big();
  sort_by_hash();
  if (!distinct_ && any_twice()) return false;
  if (!add_by_hash()) return false;
  if (type_ == ObjectType::kSortedSet) add_by_score();
  integers_.clear();
  clear_batch();
  return true;
}

bool AggregateBuilder::add_by_hash() {
  PackedTree tree(factory().nodes(), root_.first, NodeKey::kHash, static_cast<uint32_t>(root_.object));
  const auto ask_ahead = [this](size_t i) {
    if (i + 2 * kAhead < by_hash_.size()) __builtin_prefetch(&ends_[by_hash_[i + 2 * kAhead].number]);
    if (i + kAhead < by_hash_.size()) __builtin_prefetch(gathered(by_hash_[i + kAhead].number).data());
  };
  if (tree.size() == 0) {
    PackedTreeAppender end(tree);
    for (size_t i = 0; i < by_hash_.size(); i++) {
      ask_ahead(i);
      end.append(by_hash_[i].hash, gathered(by_hash_[i].number));
    }
    return true;
  }
  const auto name_of = [this](std::string_view element) { return name_in(element); };
  for (size_t i = 0; i < by_hash_.size(); i++) {
    ask_ahead(i);
    const auto [hash, number] = by_hash_[i];
    const std::string_view element = gathered(number);
    if (!tree.is_end(find_by_hash(tree, hash, name_in(element), name_of))) return false;
    element.copy(tree.insert(hash, {}, element.size()), element.size());
  }
  return true;
}

void AggregateBuilder::add_by_score() {
  PackedTree tree(factory().nodes(), root_.second, NodeKey::kScore, static_cast<uint32_t>(root_.object));
  sort_by_score();
  if (tree.size() == 0) {
    PackedTreeAppender end(tree);
    for (const ByScore& next : by_score_) end.append(next.score, name_in(gathered(next.number)));
    return;
  }
  for (const ByScore& next : by_score_) {
    const std::string_view name = name_in(gathered(next.number));
    name.copy(tree.insert(next.score, name, name.size()), name.size());
  }
}

// ---- the whole ----

std::optional<PreparedEntry> AggregateBuilder::finish(std::string_view key, int64_t expire_at_ms) {
  const bool list = type_ == ObjectType::kList;
  if (!big_ && (list || fits_intset() || fits_listpack())) return finish_small(key, expire_at_ms);
  if (!list && !spill()) return {};
  list_end_.reset();
  list_.reset();
  const Encoding encoding = list                              ? Encoding::kQuicklist
                            : type_ == ObjectType::kSortedSet ? Encoding::kSkiplist
                                                              : Encoding::kHashtable;
  big_ = false;
  return PreparedEntry(*db_, factory().make_aggregate(key, type_, encoding, root_, expire_at_ms));
}

}  // namespace cowslip::store
