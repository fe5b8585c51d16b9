#include "tests/differential/items.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/numbers.h"
#include "base/text.h"

namespace cowslip::testing {
namespace {

// The texts in the order in which they stand in the reply, out of nested arrays as well.
void append_texts(const Reply& reply, std::vector<std::string>& texts) {
  if (!reply.is_aggregate()) return texts.push_back(reply.text);
  for (const Reply& element : reply.elements) append_texts(element, texts);
}

// Redis 7.0 writes scores as "%.17g".
std::string one_notation(const std::string& score) {
  const auto number = parse_double(score);
  return number ? format_double(*number) : score;
}

std::vector<Item> items_of(const Reply& reply, size_t texts_each, bool scores) {
  std::vector<std::string> texts;
  append_texts(reply, texts);
  std::vector<Item> items;
  for (size_t i = 0; i + texts_each <= texts.size(); i += texts_each) {
    items.emplace_back(texts.begin() + static_cast<ptrdiff_t>(i),
                       texts.begin() + static_cast<ptrdiff_t>(i + texts_each));
    if (scores) items.back().back() = one_notation(items.back().back());
  }
  return items;
}

bool with_second(const Arguments& arguments) {
  const std::string& last = arguments.back();
  return equals_ignore_case(last, "WITHVALUES") || equals_ignore_case(last, "WITHSCORES");
}

bool is_command(const Arguments& arguments, std::string_view name) {
  return equals_ignore_case(arguments[0], name);
}

std::string describe_item(const Item& item) {
  return describe(item);
}

}  // namespace

Scanned scan_all(Connection& connection, Arguments arguments) {
  const bool keys = is_command(arguments, "SCAN"), scores = is_command(arguments, "ZSCAN");
  const size_t texts_each = scores || is_command(arguments, "HSCAN") ? 2 : 1;
  std::string& cursor = arguments.at(keys ? 1 : 2);
  Scanned scanned;
  for (int page = 0; page < 100'000; ++page) {
    const Reply reply = connection.command(arguments);
    if (reply.elements.size() != 2) {
      scanned.error = reply;
      return scanned;
    }
    for (Item& item : items_of(reply.elements[1], texts_each, scores)) scanned.items.insert(std::move(item));
    cursor = reply.elements[0].text;
    if (cursor == "0") return scanned;
  }
  scanned.error = Reply::error("the cursor never comes back to 0");
  return scanned;
}

std::vector<Item> picked_items(const Reply& reply, const Arguments& arguments) {
  const bool second = with_second(arguments);
  return items_of(reply, second ? 2 : 1, second && is_command(arguments, "ZRANDMEMBER"));
}

Items all_items(Connection& connection, const Arguments& arguments) {
  Arguments all = {"SMEMBERS", arguments.at(1)};
  if (is_command(arguments, "HRANDFIELD")) all[0] = "HGETALL";
  if (is_command(arguments, "ZRANDMEMBER")) all = {"ZRANGE", arguments.at(1), "0", "-1", "WITHSCORES"};
  const Reply reply = connection.command(all);
  if (reply.is_error()) return {};
  Items items;
  for (Item& item : items_of(reply, all[0] == "SMEMBERS" ? 1 : 2, all[0] == "ZRANGE")) {
    if (all[0] != "SMEMBERS" && !with_second(arguments)) item.pop_back();
    items.insert(std::move(item));
  }
  return items;
}

bool same_form(const Reply& a, const Reply& b) {
  if (a.kind != b.kind || a.elements.size() != b.elements.size()) return false;
  for (size_t i = 0; i < a.elements.size(); ++i) {
    if (!same_form(a.elements[i], b.elements[i])) return false;
  }
  return true;
}

std::string describe_picks(const Reply& reply, const Arguments& arguments, const Items& known) {
  const bool repeats = arguments.size() > 2 && arguments[2].starts_with('-');
  Items seen;
  for (const Item& item : picked_items(reply, arguments)) {
    if (!known.contains(item)) return "there is no " + describe_item(item);
    if (!seen.insert(item).second && !repeats) return "twice: " + describe_item(item);
  }
  return {};
}

std::string describe_items_difference(const Items& cowslip, const Items& redis) {
  if (cowslip == redis) return {};
  std::string difference = fmt::format("{} | {} found:", cowslip.size(), redis.size());
  for (const Item& item : cowslip) difference += redis.contains(item) ? "" : " cowslip only " + describe_item(item);
  for (const Item& item : redis) difference += cowslip.contains(item) ? "" : " redis only " + describe_item(item);
  return difference;
}

}  // namespace cowslip::testing
