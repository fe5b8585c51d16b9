#include "tests/exactness/model.h"

#include <charconv>
#include <chrono>
#include <map>
#include <optional>
#include <utility>

#include "tests/exactness/aggregate_model.h"
#include "tests/support/harness.h"
#include "tests/support/rdb_tools.h"

namespace cowslip::testing {

namespace {

constexpr int64_t kRelativeSlackMs = 60'000;

const Reply kOk = Reply::simple("OK");
const Reply kSameObject = Reply::error("ERR source and destination objects are the same");

int64_t number(const std::string& text) {
  return std::stoll(text);
}

// The number that a string is when INCR takes it for one.
std::optional<int64_t> canonical_integer(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && std::to_string(value) == text ? std::optional(value) : std::nullopt;
}

Reply bulk_or_null(const Keys& keys, const std::string& key) {
  const auto found = keys.find(key);
  return found == keys.end() ? Reply::null() : Reply::bulk(found->second.text);
}

}  // namespace

size_t key_count(const Contents& contents) {
  size_t count = 0;
  for (const Keys& keys : contents) count += keys.size();
  return count;
}

std::string Value::whole() const {
  if (!elements) return text;
  if (type == "list") return joined(std::vector<std::string>(elements->list.begin(), elements->list.end()));
  if (type != "set") return joined(elements->pairs);
  std::vector<std::string> members;
  for (const auto& [member, nothing] : elements->pairs) members.push_back(member);
  return joined(members);
}

int64_t unix_ms() {
  using std::chrono::system_clock;
  return std::chrono::duration_cast<std::chrono::milliseconds>(system_clock::now().time_since_epoch()).count();
}

// One function for each command, with its arguments as they are sent.
struct Model::Handlers {
  using Handler = Reply (*)(Model&, const Arguments&);

  // ---- strings ----

  // SET key value [KEEPTTL | PXAT unix-ms]
  static Reply set(Model& model, const Arguments& a) {
    Value& value = model.keys()[a[1]];
    value.text = a[2];
    if (a.size() == 4) return kOk;
    value.expire_at_ms = a.size() == 5 ? number(a[4]) : kNever;
    value.slack_ms = 0;
    return kOk;
  }

  static Reply mset(Model& model, const Arguments& a) {
    for (size_t i = 1; i + 1 < a.size(); i += 2) model.put(a[i], a[i + 1]);
    return kOk;
  }

  static Reply get(Model& model, const Arguments& a) { return bulk_or_null(model.keys(), a[1]); }

  static Reply getdel(Model& model, const Arguments& a) {
    Reply reply = bulk_or_null(model.keys(), a[1]);
    model.keys().erase(a[1]);
    return reply;
  }

  // GETEX key PXAT unix-ms
  static Reply getex(Model& model, const Arguments& a) {
    if (model.keys().contains(a[1])) pexpireat(model, {"", a[1], a[3]});
    return bulk_or_null(model.keys(), a[1]);
  }

  static Reply append(Model& model, const Arguments& a) {
    std::string& text = model.keys()[a[1]].text;
    text += a[2];
    return Reply::of_integer(static_cast<int64_t>(text.size()));
  }

  static Reply setrange(Model& model, const Arguments& a) {
    std::string& text = model.keys()[a[1]].text;
    const auto offset = static_cast<size_t>(number(a[2]));
    if (text.size() < offset + a[3].size()) text.resize(offset + a[3].size());
    text.replace(offset, a[3].size(), a[3]);
    return Reply::of_integer(static_cast<int64_t>(text.size()));
  }

  static Reply add(Model& model, const std::string& key, int64_t increment) {
    const auto found = model.keys().find(key);
    const auto value = found == model.keys().end() ? 0 : canonical_integer(found->second.text);
    if (!value) return Reply::error("ERR value is not an integer or out of range");
    model.keys()[key].text = std::to_string(*value + increment);
    return Reply::of_integer(*value + increment);
  }
  static Reply incr(Model& model, const Arguments& a) { return add(model, a[1], 1); }
  static Reply decr(Model& model, const Arguments& a) { return add(model, a[1], -1); }
  static Reply incrby(Model& model, const Arguments& a) { return add(model, a[1], number(a[2])); }

  // ---- keys ----

  static Reply del(Model& model, const Arguments& a) {
    int64_t gone = 0;
    for (size_t i = 1; i < a.size(); ++i) gone += static_cast<int64_t>(model.keys().erase(a[i]));
    return Reply::of_integer(gone);
  }

  static Reply pexpireat(Model& model, const Arguments& a) {
    const auto found = model.keys().find(a[1]);
    if (found == model.keys().end()) return Reply::of_integer(0);
    found->second.expire_at_ms = number(a[2]);
    found->second.slack_ms = 0;
    if (found->second.expire_at_ms < unix_ms()) model.keys().erase(found);
    return Reply::of_integer(1);
  }

  static Reply expire(Model& model, const Arguments& a) {
    const auto found = model.keys().find(a[1]);
    if (found == model.keys().end()) return Reply::of_integer(0);
    found->second.expire_at_ms = unix_ms() + number(a[2]) * 1000;
    found->second.slack_ms = kRelativeSlackMs;
    return Reply::of_integer(1);
  }

  static Reply persist(Model& model, const Arguments& a) {
    const auto found = model.keys().find(a[1]);
    if (found == model.keys().end() || found->second.expire_at_ms == kNever) return Reply::of_integer(0);
    found->second.expire_at_ms = kNever;
    found->second.slack_ms = 0;
    return Reply::of_integer(1);
  }

  static Reply rename(Model& model, const Arguments& a) {
    const auto found = model.keys().find(a[1]);
    if (found == model.keys().end()) return Reply::error("ERR no such key");
    if (a[1] == a[2]) return kOk;
    Value value = std::move(found->second);
    model.keys().erase(found);
    model.keys()[a[2]] = std::move(value);
    return kOk;
  }

  // COPY from to DB database [REPLACE]
  static Reply copy(Model& model, const Arguments& a) {
    Keys& target = model.contents_.at(static_cast<size_t>(number(a[4])));
    if (&target == &model.keys() && a[1] == a[2]) return kSameObject;
    const auto found = model.keys().find(a[1]);
    if (found == model.keys().end() || (a.size() < 6 && target.contains(a[2]))) return Reply::of_integer(0);
    const Value value = found->second;
    target[a[2]] = value;
    return Reply::of_integer(1);
  }

  static Reply move(Model& model, const Arguments& a) {
    Keys& target = model.contents_.at(static_cast<size_t>(number(a[2])));
    if (&target == &model.keys()) return kSameObject;
    const auto found = model.keys().find(a[1]);
    if (found == model.keys().end() || target.contains(a[1])) return Reply::of_integer(0);
    target[a[1]] = std::move(found->second);
    model.keys().erase(found);
    return Reply::of_integer(1);
  }

  // ---- databases ----

  static Reply select(Model& model, const Arguments& a) {
    model.selected_ = static_cast<size_t>(number(a[1]));
    return kOk;
  }

  static Reply swapdb(Model& model, const Arguments& a) {
    std::swap(model.contents_.at(static_cast<size_t>(number(a[1]))),
              model.contents_.at(static_cast<size_t>(number(a[2]))));
    return kOk;
  }

  static Reply flushdb(Model& model, const Arguments&) {
    model.keys().clear();
    return kOk;
  }

  static Reply flushall(Model& model, const Arguments&) {
    for (Keys& keys : model.contents_) keys.clear();
    return kOk;
  }
};

Reply Model::apply(const Arguments& command) {
  using H = Handlers;
  static const std::map<std::string_view, H::Handler> kTable = {
      {"SET", H::set},           {"MSET", H::mset},       {"GET", H::get},
      {"GETDEL", H::getdel},     {"GETEX", H::getex},     {"APPEND", H::append},
      {"SETRANGE", H::setrange}, {"INCR", H::incr},       {"DECR", H::decr},
      {"INCRBY", H::incrby},     {"DEL", H::del},         {"UNLINK", H::del},
      {"EXPIRE", H::expire},     {"PERSIST", H::persist}, {"PEXPIREAT", H::pexpireat},
      {"RENAME", H::rename},     {"COPY", H::copy},       {"MOVE", H::move},
      {"SELECT", H::select},     {"FLUSHDB", H::flushdb}, {"FLUSHALL", H::flushall},
      {"SWAPDB", H::swapdb},
  };
  const auto found = kTable.find(command.at(0));
  if (found != kTable.end()) return found->second(*this, command);
  const auto reply = apply_to_aggregate(keys(), command);
  if (!reply) throw HarnessFailure("the model does not know " + command[0]);
  return *reply;
}

}  // namespace cowslip::testing
