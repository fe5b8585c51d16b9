#include "tests/support/reply.h"

#include <fmt/format.h>

#include <ostream>

#include "base/text.h"

namespace cowslip::testing {

namespace {

constexpr size_t kShownBytes = 120;

std::string shown(std::string_view text, bool full) {
  if (full || text.size() <= kShownBytes) return quoted(text);
  return quoted(text.substr(0, kShownBytes)) + fmt::format("... ({} bytes)", text.size());
}

std::string list(const Reply& reply, std::string_view name, bool full) {
  std::string line = fmt::format("{}[", name);
  for (size_t i = 0; i < reply.elements.size(); ++i) {
    if (i > 0) line += ", ";
    if (!full && line.size() > 2000) return line + fmt::format("... ({} elements)]", reply.elements.size());
    line += describe(reply.elements[i], full);
  }
  return line + "]";
}

}  // namespace

bool Reply::is_aggregate() const {
  return kind == Kind::kArray || kind == Kind::kMap || kind == Kind::kSet || kind == Kind::kPush;
}

const Reply* Reply::find(std::string_view key) const {
  for (size_t i = 0; i + 1 < elements.size(); i += 2) {
    if (elements[i].text == key) return &elements[i + 1];
  }
  return nullptr;
}

std::vector<std::string> Reply::strings() const {
  std::vector<std::string> texts;
  for (const auto& element : elements) texts.push_back(element.text);
  return texts;
}

std::string describe(const Reply& reply, bool full) {
  switch (reply.kind) {
    case Reply::Kind::kSimple:
      return "(simple) " + shown(reply.text, full);
    case Reply::Kind::kError:
      return "(error) " + shown(reply.text, full);
    case Reply::Kind::kInteger:
      return fmt::format("(integer) {}", reply.integer);
    case Reply::Kind::kBulk:
      return shown(reply.text, full);
    case Reply::Kind::kNull:
      return "(null)";
    case Reply::Kind::kNullArray:
      return "(null array)";
    case Reply::Kind::kArray:
      return list(reply, "", full);
    case Reply::Kind::kMap:
      return list(reply, "map", full);
    case Reply::Kind::kSet:
      return list(reply, "set", full);
    case Reply::Kind::kPush:
      return list(reply, "push", full);
    case Reply::Kind::kDouble:
      return "(double) " + reply.text;
    case Reply::Kind::kBoolean:
      return reply.integer != 0 ? "(true)" : "(false)";
    case Reply::Kind::kBigNumber:
      return "(big number) " + reply.text;
    case Reply::Kind::kVerbatim:
      return "(verbatim) " + shown(reply.text, full);
    case Reply::Kind::kClosed:
      return "(connection closed)";
  }
  return "(unknown)";
}

std::ostream& operator<<(std::ostream& out, const Reply& reply) {
  return out << describe(reply);
}

std::string describe(const std::vector<std::string>& arguments) {
  std::string line;
  for (const auto& argument : arguments) {
    if (!line.empty()) line += ' ';
    line += shown(argument, false);
  }
  return line;
}

}  // namespace cowslip::testing
