// SORT and SORT_RO: the elements of a list, set or sorted set in another order, or values that belong to them.
//
// ALPHA orders as the locale has it, and by bytes what is stored. Redis turns a small sorted set that it sorts into a
// skiplist; here it stays what it is.
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <memory_resource>
#include <vector>

#include "commands/arguments.h"
#include "commands/families.h"
#include "commands/sort_pattern.h"
#include "store/list.h"
#include "store/set.h"
#include "store/sorted_set.h"

namespace cowslip::commands {
namespace {

using store::Entry;
using store::ListEditor;
using store::ListEnd;
using store::ListView;
using store::ObjectType;
using store::SetView;
using store::SortedSetView;
using store::StringView;

// ---- options ----

struct SortOptions {
  std::optional<SortPattern> by;
  std::vector<SortPattern> get;
  bool sorted = true;  // not so after a BY without a *
  bool descending = false;
  bool alpha = false;
  int64_t offset = 0;
  int64_t count = -1;  // negative: all
  std::optional<std::string_view> store;

  // Whether other keys are looked up for elements, or changed.
  bool uses_other_keys() const { return by || !get.empty() || store; }
};

// Takes the option at `index` and what belongs to it, and moves `index` there. False after an error reply.
bool take_option(CommandContext& c, size_t& index, bool may_store, SortOptions& options) {
  const std::string_view option = c.args[index];
  const size_t left = c.args.size() - index - 1;
  if (is_option(option, "ASC") || is_option(option, "DESC")) {
    options.descending = is_option(option, "DESC");
  } else if (is_option(option, "ALPHA")) {
    options.alpha = true;
  } else if (is_option(option, "LIMIT") && left >= 2) {
    const auto offset = integer_argument(c, ++index);
    if (!offset) return false;
    const auto count = integer_argument(c, ++index);
    if (!count) return false;
    options.offset = *offset;
    options.count = *count;
  } else if (may_store && is_option(option, "STORE") && left >= 1) {
    options.store = c.args[++index];
  } else if (is_option(option, "BY") && left >= 1) {
    options.by.emplace(c.args[++index]);
    if (!options.by->has_star()) options.sorted = false;
  } else if (is_option(option, "GET") && left >= 1) {
    options.get.emplace_back(c.args[++index]);
  } else {
    c.reply.error(kSyntaxError);
    return false;
  }
  return true;
}

std::optional<SortOptions> parse_options(CommandContext& c, bool may_store) {
  SortOptions options;
  for (size_t i = 2; i < c.args.size(); i++) {
    if (!take_option(c, i, may_store, options)) return std::nullopt;
  }
  return options;
}

// ---- elements ----

struct Item {
  StringView element;
  double score = 0;
  std::optional<std::string_view> by = {};  // what ALPHA compares
};

// Keeps bytes that would not outlast a change of the database.
class Texts {
 public:
  std::string_view keep(std::string_view text) {
    auto* const at = static_cast<char*>(memory_.allocate(text.size() + 1, 1));
    text.copy(at, text.size());
    return {at, text.size()};
  }
  StringView keep(const StringView& value) { return value.is_integer() ? value : StringView(keep(value.bytes())); }
  std::string_view text(const StringView& value) {
    StringView::Scratch scratch;
    return value.is_integer() ? keep(value.text(scratch)) : value.bytes();
  }

 private:
  std::pmr::monotonic_buffer_resource memory_;
};

// The items [first, first + count) are wanted.
struct Slice {
  uint64_t first = 0;
  uint64_t count = 0;
};

Slice slice_of(const SortOptions& options, uint64_t size) {
  const auto length = static_cast<int64_t>(size);
  const int64_t first = std::clamp<int64_t>(options.offset, 0, length);
  const int64_t count = options.count < 0 ? length : std::min(options.count, length);
  return {static_cast<uint64_t>(first), static_cast<uint64_t>(std::min(count, length - first))};
}

class Sorter {
 public:
  Sorter(CommandContext& c, SortOptions& options)
      : c_(c), options_(options), collation_(options.store ? Collation() : c.host.limits().collation) {}

  // What the key holds, as far as it is wanted: the order of lists and sorted sets that are not to be sorted is theirs,
  // and the rest of them need not be looked at.
  void load(const Entry& entry);
  // False when an element or what belongs to it is no number.
  bool rate();
  void sort();
  // Calls visit(std::optional<StringView>) for each value of the result; nothing where there is none.
  template <typename Visit>
  void for_each_result(Visit&& visit);
  size_t results() const { return wanted_.count * std::max<size_t>(options_.get.size(), 1); }
  Texts& texts() { return texts_; }

 private:
  void add(const StringView& element);
  template <typename View, typename Element>
  void load_ordered(const View& view, Element&& element);
  int compare(const Item& a, const Item& b) const;
  bool total_order() const { return !options_.alpha || !options_.by; }

  CommandContext& c_;
  SortOptions& options_;
  const Collation collation_;
  Texts texts_;
  std::vector<Item> items_;
  Slice wanted_;
};

void Sorter::add(const StringView& element) {
  items_.push_back({.element = options_.uses_other_keys() ? texts_.keep(element) : element});
}

template <typename View, typename Element>
void Sorter::load_ordered(const View& view, Element&& element) {
  const Slice part = options_.sorted ? Slice{0, view.size()} : wanted_;
  const bool upwards = options_.sorted || !options_.descending;
  items_.reserve(part.count);
  if (part.count == 0) return;
  view.for_each_from(upwards ? part.first : view.size() - 1 - part.first, upwards, [&](const auto& next) {
    add(element(next));
    return items_.size() < part.count;
  });
  if (!options_.sorted) wanted_.first = 0;
}

// As the template above wants it.
struct DirectedList {
  const ListView& list;
  uint64_t size() const { return list.size(); }
  template <typename Visit>
  void for_each_from(uint64_t index, bool upwards, Visit&& visit) const {
    list.for_each_from(index, upwards ? ListEnd::kTail : ListEnd::kHead, visit);
  }
};

void Sorter::load(const Entry& entry) {
  if (entry.type() == ObjectType::kSet) {
    const SetView set(entry);
    wanted_ = slice_of(options_, set.size());
    items_.reserve(set.size());
    set.for_each([this](const StringView& member) { add(member); });
    // What is stored must not depend on the order that sets happen to have.
    if (options_.sorted || !options_.store) return;
    options_.sorted = options_.alpha = true;
    options_.by.reset();
  } else if (entry.type() == ObjectType::kList) {
    const ListView list(entry);
    wanted_ = slice_of(options_, list.size());
    load_ordered(DirectedList{list}, [](const StringView& element) { return element; });
  } else {
    const SortedSetView set(entry);
    wanted_ = slice_of(options_, set.size());
    load_ordered(set, [](const store::ScoredMember& member) { return member.member; });
  }
}

// As strtod reads a string that a zero byte ends: spaces before it and nothing at all are fine.
std::optional<double> sort_score(const StringView& value) {
  if (value.is_integer()) return static_cast<double>(value.integer());
  if (const auto integer = parse_int64(value.bytes())) return static_cast<double>(*integer);
  const std::string text(value.bytes());
  char* end = nullptr;
  errno = 0;
  const double score = std::strtod(text.c_str(), &end);
  if (*end != '\0' || errno == ERANGE || std::isnan(score)) return std::nullopt;
  return score;
}

bool Sorter::rate() {
  if (options_.alpha && !options_.by) return true;
  bool all_numbers = true;
  for (Item& item : items_) {
    const auto value = options_.by ? options_.by->value(c_, item.element) : item.element;
    if (!value) continue;
    if (options_.alpha) {
      item.by = texts_.text(texts_.keep(*value));
    } else if (const auto score = sort_score(*value)) {
      item.score = *score;
    } else {
      all_numbers = false;
    }
  }
  return all_numbers;
}

int compare_texts(const StringView& a, const StringView& b, const Collation& collation) {
  StringView::Scratch a_scratch, b_scratch;
  return collation.compare(a.text(a_scratch), b.text(b_scratch));
}

// Elements of the same score are ordered by their bytes.
int Sorter::compare(const Item& a, const Item& b) const {
  if (!options_.alpha) {
    return a.score != b.score ? (a.score > b.score ? 1 : -1) : compare_texts(a.element, b.element, {});
  }
  if (!options_.by) return compare_texts(a.element, b.element, collation_);
  if (!a.by || !b.by) return static_cast<int>(a.by.has_value()) - static_cast<int>(b.by.has_value());
  return collation_.compare(*a.by, *b.by);
}

void Sorter::sort() {
  const auto before = [this](const Item& a, const Item& b) {
    return options_.descending ? compare(b, a) < 0 : compare(a, b) < 0;
  };
  const auto end = items_.begin() + static_cast<ptrdiff_t>(wanted_.first + wanted_.count);
  if (!total_order()) {
    std::ranges::stable_sort(items_, before);
  } else if (end != items_.end()) {
    std::ranges::partial_sort(items_.begin(), end, items_.end(), before);
  } else {
    std::ranges::sort(items_, before);
  }
}

template <typename Visit>
void Sorter::for_each_result(Visit&& visit) {
  for (uint64_t i = wanted_.first; i < wanted_.first + wanted_.count; i++) {
    const StringView& element = items_[i].element;
    if (options_.get.empty()) visit(std::optional(element));
    for (SortPattern& pattern : options_.get) visit(pattern.value(c_, element));
  }
}

// ---- the commands ----

void reply_results(CommandContext& c, Sorter& sorter) {
  c.reply.array(sorter.results());
  sorter.for_each_result(
      [&](const std::optional<StringView>& value) { value ? reply_string(c.reply, *value) : c.reply.null(); });
}

// Makes a list of the results, in which an empty string stands for what there is not. Without any the key goes.
void store_results(CommandContext& c, Sorter& sorter, std::string_view key) {
  std::vector<std::string_view> elements;
  elements.reserve(sorter.results());
  sorter.for_each_result([&](const std::optional<StringView>& value) {
    elements.push_back(value ? sorter.texts().text(sorter.texts().keep(*value)) : std::string_view());
  });
  if (elements.empty()) {
    c.store_nothing(key);
  } else {
    ListEditor(c.db(), key).assign(elements);
    c.keyspace.add_dirty(elements.size());
    c.notify(EventClass::kList, "sortstore", key);
  }
  c.reply.integer(static_cast<int64_t>(elements.size()));
}

void sort(CommandContext& c, bool may_store) {
  auto options = parse_options(c, may_store);
  if (!options) return;
  const Entry* entry = c.db().find(c.args[1], c.read_lookup());
  const bool sortable = entry == nullptr || entry->type() == ObjectType::kList || entry->type() == ObjectType::kSet ||
                        entry->type() == ObjectType::kSortedSet;
  if (!sortable) return c.reply.error(kWrongType);
  Sorter sorter(c, *options);
  if (entry != nullptr) sorter.load(*entry);
  if (options->sorted) {
    if (!sorter.rate()) return c.reply.error("ERR One or more scores can't be converted into double");
    sorter.sort();
  }
  options->store ? store_results(c, sorter, *options->store) : reply_results(c, sorter);
}

void cmd_sort(CommandContext& c) {
  sort(c, true);
}
void cmd_sort_ro(CommandContext& c) {
  sort(c, false);
}

// The key behind the last STORE that is an option and no value of one.
void find_store_key(std::span<const std::string_view> args, std::vector<KeyReference>& keys) {
  size_t found = 0;
  for (size_t i = 2; i + 1 < args.size(); i++) {
    if (is_option(args[i], "LIMIT")) {
      i += 2;
    } else if (is_option(args[i], "GET") || is_option(args[i], "BY")) {
      i++;
    } else if (is_option(args[i], "STORE")) {
      found = i + 1;
    }
  }
  if (found > 0) keys.push_back({found, kKeyOW | kKeyUpdate});
}

constexpr std::string_view kPatternNotes =
    "For the patterns of BY and GET. Which keys they mean depends on the elements that are sorted.";
constexpr KeySpec kSortKeys[] = {
    {.range = {1, 1, 1}, .flags = kKeyRO | kKeyAccess},
    {.flags = kKeyRO | kKeyAccess, .search = KeySearch::kUnknown, .notes = kPatternNotes},
    {.flags = kKeyOW | kKeyUpdate,
     .search = KeySearch::kUnknown,
     .notes = "For the key of STORE, which may be anywhere among the arguments."},
};
constexpr KeySpec kSortRoKeys[] = {
    {.range = {1, 1, 1}, .flags = kKeyRO | kKeyAccess},
    {.flags = kKeyRO | kKeyAccess, .search = KeySearch::kUnknown, .notes = kPatternNotes},
};

constexpr CommandSpec kSpecs[] = {
    {.name = "sort",
     .arity = -2,
     .flags = kWrite | kDenyOom | kMovableKeys,
     .keys = kOneKey,
     .group = "generic",
     .since = "1.0.0",
     .complexity = "O(N+M*log(M)) for N elements of which M are in the result; O(N) where nothing is sorted",
     .summary = "Sorts the elements of a list, set or sorted set, by themselves or by other keys.",
     .syntax =
         "key [BY by-pattern:pattern] [LIMIT <limit= offset:integer count:integer>] [GET get-pattern:pattern] ... "
         "[order= ASC | DESC] [sorting= ALPHA] [STORE destination:key]",
     .handler = cmd_sort,
     .categories = "@set @sortedset @list @dangerous",
     .key_specs = kSortKeys,
     .find_keys = find_store_key},
    {.name = "sort_ro",
     .arity = -2,
     .flags = kReadonly | kMovableKeys,
     .keys = kOneKey,
     .group = "generic",
     .since = "7.0.0",
     .complexity = "O(N+M*log(M)) for N elements of which M are in the result; O(N) where nothing is sorted",
     .summary = "Sorts as SORT does, without storing the result.",
     .syntax =
         "key [BY by-pattern:pattern] [LIMIT <limit= offset:integer count:integer>] [GET get-pattern:pattern] ... "
         "[order= ASC | DESC] [sorting= ALPHA]",
     .handler = cmd_sort_ro,
     .categories = "@set @sortedset @list @dangerous",
     .key_specs = kSortRoKeys},
};

}  // namespace

std::span<const CommandSpec> sort_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
