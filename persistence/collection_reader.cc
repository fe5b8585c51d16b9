#include "persistence/collection_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "base/numbers.h"
#include "persistence/map_result.h"
#include "persistence/ziplist.h"
#include "persistence/zipmap.h"
#include "store/intset.h"
#include "store/listpack.h"

namespace cowslip::persistence {
namespace {

using store::StringView;

// Scratch strings larger than this are given back after a value.
constexpr size_t kScratchBytesKept = 1024 * 1024;
// What a collection may announce when nobody knows how much input there is.
constexpr uint64_t kMostExpectedOfUnknownInput = 4096;

// What the elements take in the input at the very least.
constexpr uint64_t kLeastBytes = 1, kLeastBytesOfPair = 2, kLeastBytesOfScored = 9;

std::optional<double> score_of(const StringView& text) {
  if (text.is_integer()) return static_cast<double>(text.integer());
  return parse_double(text.bytes());
}

}  // namespace

bool CollectionReader::reads(uint8_t type) {
  switch (static_cast<RdbType>(type)) {
    case RdbType::kList:
    case RdbType::kSet:
    case RdbType::kSortedSet:
    case RdbType::kHash:
    case RdbType::kSortedSet2:
    case RdbType::kHashZipmap:
    case RdbType::kListZiplist:
    case RdbType::kSetIntset:
    case RdbType::kSortedSetZiplist:
    case RdbType::kHashZiplist:
    case RdbType::kListQuicklist:
    case RdbType::kHashListpack:
    case RdbType::kSortedSetListpack:
    case RdbType::kListQuicklist2:
    case RdbType::kSetListpack:
      return true;
    default:
      return false;
  }
}

Result<uint64_t> CollectionReader::read(uint8_t type, CollectionSink& sink) {
  sink_ = &sink;
  form_ = static_cast<RdbType>(type);
  count_ = 0;
  begun_ = false;
  const Status status = read_form();
  for (std::string* scratch : {&first_, &second_}) {
    if (scratch->capacity() > kScratchBytesKept) *scratch = {};
  }
  if (!status) return std::unexpected(status.error());
  if (begun_) sink.end();
  return count_;
}

Status CollectionReader::read_form() {
  using Kind = CollectionKind;
  switch (form_) {
    case RdbType::kList:
      return read_each(Kind::kList, kLeastBytes, &CollectionReader::read_element);
    case RdbType::kSet:
      return read_each(Kind::kSet, kLeastBytes, &CollectionReader::read_member);
    case RdbType::kSortedSet:
      return read_each(Kind::kSortedSet, kLeastBytesOfPair, &CollectionReader::read_scored_by_text);
    case RdbType::kSortedSet2:
      return read_each(Kind::kSortedSet, kLeastBytesOfScored, &CollectionReader::read_scored);
    case RdbType::kHash:
      return read_each(Kind::kHash, kLeastBytesOfPair, &CollectionReader::read_field);
    case RdbType::kHashZipmap:
      return read_zipmap();
    case RdbType::kListZiplist:
      return read_ziplist(Kind::kList);
    case RdbType::kSetIntset:
      return read_intset();
    case RdbType::kSortedSetZiplist:
      return read_ziplist(Kind::kSortedSet);
    case RdbType::kHashZiplist:
      return read_ziplist(Kind::kHash);
    case RdbType::kListQuicklist:
      return read_quicklist();
    case RdbType::kHashListpack:
      return read_listpack(Kind::kHash);
    case RdbType::kSortedSetListpack:
      return read_listpack(Kind::kSortedSet);
    case RdbType::kListQuicklist2:
      return read_quicklist_2();
    case RdbType::kSetListpack:
      return read_listpack(Kind::kSet);
    default:
      return decoder_.refuse_value(static_cast<uint8_t>(form_));
  }
}

// ---- to the sink ----

void CollectionReader::begin(CollectionKind kind, uint64_t expected, bool distinct) {
  sink_->begin({.kind = kind, .form = form_, .expected = expected, .distinct = distinct});
  begun_ = true;
  if (distinct) seen_.clear();
}

// Of a list, which may lie in several nodes.
void CollectionReader::add_element(const StringView& value) {
  if (!begun_) begin(CollectionKind::kList, 0, false);
  sink_->element(value);
  count_++;
}

std::unexpected<Error> CollectionReader::same_twice() const {
  return decoder_.corrupt(
      fmt::format("The same member or field twice in a {}", rdb_type_name(static_cast<uint8_t>(form_))));
}

Status CollectionReader::added(bool is_new) {
  if (!is_new) return same_twice();
  count_++;
  return {};
}

Status CollectionReader::see(const StringView& value) {
  if (!seen_.insert(value)) return same_twice();
  return {};
}

// ---- one after the other ----

Status CollectionReader::read_each(CollectionKind kind, uint64_t least_bytes, ReadElement read_one) {
  const auto count = decoder_.length();
  if (!count) return std::unexpected(count.error());
  if (*count == 0) return {};
  const auto left = decoder_.bytes_left();
  begin(kind, std::min(*count, left ? *left / least_bytes : kMostExpectedOfUnknownInput), false);
  for (uint64_t i = 0; i < *count; i++) {
    if (auto status = (this->*read_one)(); !status) return status;
  }
  return {};
}

Status CollectionReader::read_element() {
  const auto value = decoder_.string(first_, false);
  if (!value) return std::unexpected(value.error());
  add_element(*value);
  return {};
}

Status CollectionReader::read_member() {
  const auto member = decoder_.string(first_, false);
  if (!member) return std::unexpected(member.error());
  return added(sink_->member(*member));
}

Status CollectionReader::read_field() {
  const auto field = decoder_.string(first_, true);
  if (!field) return std::unexpected(field.error());
  const auto value = decoder_.string(second_, false);
  if (!value) return std::unexpected(value.error());
  return added(sink_->field(*field, *value));
}

Status CollectionReader::read_scored() {
  const auto member = decoder_.string(first_, true);
  if (!member) return std::unexpected(member.error());
  const auto bits = decoder_.little_endian(sizeof(double));
  if (!bits) return std::unexpected(bits.error());
  const double score = std::bit_cast<double>(*bits);
  if (std::isnan(score)) return decoder_.corrupt("A score that is not a number");
  return added(sink_->scored(*member, score));
}

Status CollectionReader::read_scored_by_text() {
  const auto member = decoder_.string(first_, true);
  if (!member) return std::unexpected(member.error());
  const auto score = read_text_score();
  if (!score) return std::unexpected(score.error());
  return added(sink_->scored(*member, *score));
}

Result<double> CollectionReader::read_text_score() {
  const auto length = decoder_.byte();
  if (!length) return std::unexpected(length.error());
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  switch (*length) {
    case kTextScoreNan:
      return decoder_.corrupt("A score that is not a number");
    case kTextScoreInfinity:
      return kInfinity;
    case kTextScoreMinusInfinity:
      return -kInfinity;
    default:
      break;
  }
  const auto text = decoder_.bytes(*length, second_, false);
  if (!text) return std::unexpected(text.error());
  const auto score = parse_double(*text);
  if (!score) return decoder_.corrupt("A score that is not a number");
  return *score;
}

// ---- blobs ----

Result<std::string_view> CollectionReader::blob() {
  const auto held = decoder_.string(first_, false);
  if (!held) return std::unexpected(held.error());
  if (held->is_integer()) {
    return decoder_.corrupt(
        fmt::format("A number in the place of a {}'s bytes", rdb_type_name(static_cast<uint8_t>(form_))));
  }
  return held->bytes();
}

Status CollectionReader::read_ziplist(CollectionKind kind) {
  const auto bytes = blob();
  if (!bytes) return std::unexpected(bytes.error());
  const std::string_view flaw = ziplist_flaw(*bytes);
  if (!flaw.empty()) return decoder_.corrupt(fmt::format("Damaged ziplist: {}", flaw));
  return take_blob(Ziplist(*bytes), kind);
}

Status CollectionReader::read_listpack(CollectionKind kind) {
  const auto bytes = blob();
  if (!bytes) return std::unexpected(bytes.error());
  if (!store::valid_listpack(*bytes)) return decoder_.corrupt("Damaged listpack");
  const auto taken = take_whole(*bytes, kind);
  if (!taken) return std::unexpected(taken.error());
  if (*taken) return {};
  return take_blob(store::Listpack(*bytes), kind);
}

// Redis, up to now, writes listpacks that need nothing but to be looked at.
Result<bool> CollectionReader::take_whole(std::string_view bytes, CollectionKind kind) {
  const store::Listpack listpack(bytes);
  const size_t stride = kind == CollectionKind::kSet ? 1 : 2, elements = listpack.count();
  if (kind == CollectionKind::kList || elements == 0 || elements % stride != 0) return false;
  seen_.clear();
  size_t to_name = 0;
  for (auto place = listpack.begin(); place != listpack.end(); place = listpack.next(place)) {
    const StringView value = listpack.get(place);
    if (!value.is_integer() && parse_int64(value.bytes())) return false;
    if (to_name-- > 0) continue;
    to_name = stride - 1;
    if (auto status = see(value); !status) return std::unexpected(status.error());
  }
  if (kind == CollectionKind::kSortedSet) {
    const auto in_order = is_in_order(listpack);
    if (!in_order || !*in_order) return in_order;
  }
  const size_t count = elements / stride;
  if (!sink_->take({.kind = kind, .form = form_, .expected = count, .distinct = true}, bytes)) return false;
  count_ = count;
  return true;
}

Result<bool> CollectionReader::is_in_order(const store::Listpack& listpack) {
  double score_before = -std::numeric_limits<double>::infinity();
  StringView::Scratch scratch, scratch_before;
  std::string_view member_before;
  for (auto place = listpack.begin(); place != listpack.end();) {
    const std::string_view member = listpack.get(place).text(scratch);
    place = listpack.next(place);
    const auto score = score_of(listpack.get(place));
    place = listpack.next(place);
    if (!score) return decoder_.corrupt("A score that is not a number");
    if (*score < score_before || (*score == score_before && member < member_before)) return false;
    score_before = *score;
    member_before = member;
    if (member.data() == scratch) {
      std::swap(scratch, scratch_before);
      member_before = std::string_view(scratch_before, member.size());
    }
  }
  return true;
}

template <typename Blob>
Status CollectionReader::take_blob(const Blob& blob, CollectionKind kind) {
  if (blob.begin() == blob.end()) return {};
  if (kind == CollectionKind::kSortedSet || kind == CollectionKind::kHash) return take_pairs(blob, kind);
  if (kind == CollectionKind::kSet) begin(kind, blob.count(), true);
  for (auto place = blob.begin(); place != blob.end(); place = blob.next(place)) {
    const StringView value = blob.get(place);
    if (kind == CollectionKind::kList) {
      add_element(value);
      continue;
    }
    if (auto status = see(value); !status) return status;
    if (auto status = added(sink_->member(value)); !status) return status;
  }
  return {};
}

template <typename Blob>
Status CollectionReader::take_pairs(const Blob& blob, CollectionKind kind) {
  const size_t elements = blob.count();
  if (elements % 2 != 0) {
    return decoder_.corrupt(
        fmt::format("An odd number of elements in a {}", rdb_type_name(static_cast<uint8_t>(form_))));
  }
  begin(kind, elements / 2, true);
  for (auto place = blob.begin(); place != blob.end();) {
    const StringView first = blob.get(place);
    place = blob.next(place);
    const StringView second = blob.get(place);
    place = blob.next(place);
    if (auto status = see(first); !status) return status;
    const Status status =
        kind == CollectionKind::kHash ? added(sink_->field(first, second)) : take_scored(first, second);
    if (!status) return status;
  }
  return {};
}

Status CollectionReader::take_scored(const StringView& member, const StringView& text) {
  const auto score = score_of(text);
  if (!score) return decoder_.corrupt("A score that is not a number");
  return added(sink_->scored(member, *score));
}

// An empty intset or zipmap is damage, for Redis too: neither was ever saved.
Status CollectionReader::read_intset() {
  const auto bytes = blob();
  if (!bytes) return std::unexpected(bytes.error());
  if (!store::valid_intset(*bytes)) return decoder_.corrupt("Damaged intset");
  const store::Intset set(*bytes);
  if (set.size() == 0) return decoder_.corrupt("Damaged intset: it is empty");
  begin(CollectionKind::kSet, set.size(), true);
  for (size_t i = 0; i < set.size(); i++) {
    if (auto status = added(sink_->member(StringView(set.at(i)))); !status) return status;
  }
  return {};
}

Status CollectionReader::read_zipmap() {
  const auto bytes = blob();
  if (!bytes) return std::unexpected(bytes.error());
  const std::string_view flaw = zipmap_flaw(*bytes);
  if (!flaw.empty()) return decoder_.corrupt(fmt::format("Damaged zipmap: {}", flaw));
  const Zipmap zipmap(*bytes);
  begin(CollectionKind::kHash, zipmap.count(), true);
  for (auto place = zipmap.begin(); place != zipmap.end();) {
    const Zipmap::Pair pair = zipmap.get(place);
    place = pair.next;
    if (auto status = see(StringView(pair.field)); !status) return status;
    if (auto status = added(sink_->field(StringView(pair.field), StringView(pair.value))); !status) return status;
  }
  return {};
}

// ---- lists in nodes, of which some may be empty ----

Status CollectionReader::read_quicklist() {
  const auto nodes = decoder_.length();
  if (!nodes) return std::unexpected(nodes.error());
  for (uint64_t i = 0; i < *nodes; i++) {
    if (auto status = read_ziplist(CollectionKind::kList); !status) return status;
  }
  return {};
}

Status CollectionReader::read_plain_node() {
  const auto value = decoder_.string(first_, false);
  if (!value) return std::unexpected(value.error());
  if (!value->is_integer() && value->bytes().empty()) return decoder_.corrupt("An empty plain node of a list");
  add_element(*value);
  return {};
}

Status CollectionReader::read_quicklist_2() {
  const auto nodes = decoder_.length();
  if (!nodes) return std::unexpected(nodes.error());
  for (uint64_t i = 0; i < *nodes; i++) {
    const auto container = decoder_.length();
    if (!container) return std::unexpected(container.error());
    Status status;
    switch (*container) {
      case static_cast<uint64_t>(RdbQuicklistNode::kPlain):
        status = read_plain_node();
        break;
      case static_cast<uint64_t>(RdbQuicklistNode::kPacked):
        status = read_listpack(CollectionKind::kList);
        break;
      default:
        return decoder_.corrupt(fmt::format("Unknown kind {} of a list's node", *container));
    }
    if (!status) return status;
  }
  return {};
}

}  // namespace cowslip::persistence
