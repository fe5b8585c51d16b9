#include "tests/support/rdb_tools.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <span>
#include <vector>

#include "base/text.h"

namespace cowslip::testing {

namespace {

std::vector<std::string> sorted_keys(Client& client) {
  std::vector<std::string> keys;
  std::string cursor = "0";
  do {
    const Reply reply = client("SCAN", cursor, "COUNT", "1000");
    if (reply.elements.size() != 2) throw HarnessFailure("SCAN gave " + describe(reply));
    cursor = reply.elements[0].text;
    for (const auto& key : reply.elements[1].elements) keys.push_back(key.text);
  } while (cursor != "0");
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

constexpr size_t kKeysPerTrip = 50;

Arguments reading(const std::string& type, const std::string& key) {
  if (type == "list") return {"LRANGE", key, "0", "-1"};
  if (type == "set") return {"SMEMBERS", key};
  if (type == "hash") return {"HGETALL", key};
  if (type == "zset") return {"ZRANGE", key, "0", "-1", "WITHSCORES"};
  return {"GET", key};
}

std::string value_of(const std::string& type, const Reply& reply) {
  if (type == "string" || type == "none") return reply.text;
  std::vector<std::string> elements;
  std::map<std::string, std::string> pairs;
  if (type == "list" || type == "set") {
    for (const Reply& element : reply.elements) elements.push_back(element.text);
    if (type == "set") std::ranges::sort(elements);
    return joined(elements);
  }
  for (size_t i = 0; i + 1 < reply.elements.size(); i += 2) {
    const std::string& second = reply.elements[i + 1].text;
    pairs[reply.elements[i].text] = type == "zset" ? score_text(std::strtod(second.c_str(), nullptr)) : second;
  }
  return joined(pairs);
}

void read_keys(Client& client, int database, std::span<const std::string> keys, Dataset& dataset) {
  for (const auto& key : keys) client.append({"TYPE", key});
  for (const auto& key : keys) dataset[{database, key}].type = client.read().text;
  for (const auto& key : keys) {
    client.append(reading(dataset[{database, key}].type, key));
    client.append({"OBJECT", "ENCODING", key});
    client.append({"PEXPIRETIME", key});
  }
  for (const auto& key : keys) {
    KeyState& state = dataset[{database, key}];
    state.value = value_of(state.type, client.read());
    state.encoding = client.read().text;
    state.expire_at_ms = client.read().integer;
  }
}

}  // namespace

std::string joined(const std::vector<std::string>& elements) {
  std::string text;
  for (const std::string& element : elements) text += fmt::format("{}:{} ", element.size(), element);
  return text;
}

std::string joined(const std::map<std::string, std::string>& pairs) {
  std::string text;
  for (const auto& [first, second] : pairs) {
    text += fmt::format("{}:{}={}:{} ", first.size(), first, second.size(), second);
  }
  return text;
}

std::string score_text(double score) {
  return fmt::format("{:.17g}", score);
}

std::string check_rdb(const std::string& path) {
  const ProgramResult result = run_program({"redis-check-rdb", path});
  const bool fine = result.exit_code == 0 && result.output.find("RDB looks OK") != std::string::npos;
  return fine ? std::string() : fmt::format("exit code {}:\n{}", result.exit_code, result.output);
}

Dataset read_dataset(const ServerProcess& server) {
  Client client = server.client();
  Dataset dataset;
  for (int database = 0; database < 16; ++database) {
    client("SELECT", std::to_string(database));
    const auto keys = sorted_keys(client);
    for (size_t start = 0; start < keys.size(); start += kKeysPerTrip) {
      const size_t count = std::min(kKeysPerTrip, keys.size() - start);
      read_keys(client, database, std::span(keys).subspan(start, count), dataset);
    }
  }
  return dataset;
}

namespace {

std::string describe_state(const Dataset& dataset, const Dataset::key_type& key) {
  const auto found = dataset.find(key);
  if (found == dataset.end()) return "missing";
  const KeyState& state = found->second;
  return fmt::format("{} {} ({} bytes) {} expires {}", state.type, quoted(state.value.substr(0, 100)),
                     state.value.size(), state.encoding, state.expire_at_ms);
}

bool same_encoding(const KeyState& a, const KeyState& b, const DatasetTolerance& tolerance) {
  if (tolerance.encoding || a.encoding == b.encoding) return true;
  if (!tolerance.older_encodings) return false;
  if (a.type == "list") return a.encoding == "listpack" && b.encoding == "quicklist";
  return a.type == "set" && b.encoding == "hashtable";
}

bool same(const KeyState& a, const KeyState& b, const DatasetTolerance& tolerance) {
  if (a.type != b.type || a.value != b.value || !same_encoding(a, b, tolerance)) return false;
  if ((a.expire_at_ms < 0) != (b.expire_at_ms < 0)) return false;
  return std::abs(a.expire_at_ms - b.expire_at_ms) <= tolerance.expiry_ms;
}

}  // namespace

std::string describe_difference(const Dataset& ours, const Dataset& theirs, const DatasetTolerance& tolerance) {
  std::set<Dataset::key_type> keys;
  for (const auto& item : ours) keys.insert(item.first);
  for (const auto& item : theirs) keys.insert(item.first);
  std::string text;
  int differences = 0;
  for (const auto& key : keys) {
    const auto a = ours.find(key);
    const auto b = theirs.find(key);
    if (a != ours.end() && b != theirs.end() && same(a->second, b->second, tolerance)) continue;
    if (++differences > 10) continue;
    text += fmt::format("database {} key {}: {} | {}\n", key.first, quoted(key.second), describe_state(ours, key),
                        describe_state(theirs, key));
  }
  if (differences > 10) text += fmt::format("{} differences in all\n", differences);
  return text;
}

}  // namespace cowslip::testing
