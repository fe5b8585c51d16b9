#include "tests/unit/commands/command_test.h"

#include <fmt/format.h>

#include <charconv>

namespace cowslip::commands {
namespace {

class ReplyReader {
 public:
  explicit ReplyReader(std::string_view resp) : rest_(resp) {}

  std::string_view rest() const { return rest_; }

  std::string read() {
    if (rest_.empty()) return "(nothing)";
    const char type = rest_.front();
    rest_.remove_prefix(1);
    const std::string_view line = take_line();
    switch (type) {
      case '$':
        return line == "-1" ? "nil" : '"' + take_bulk(number(line)) + '"';
      case '*':
        return line == "-1" ? "nil-array" : "[" + read_elements(number(line)) + "]";
      case '~':
        return "~[" + read_elements(number(line)) + "]";
      case '%':
        return "{" + read_pairs(number(line)) + "}";
      case '_':
        return "null";
      case '>':
        return ">[" + read_elements(number(line)) + "]";
      default:
        return type + std::string(line);
    }
  }

 private:
  std::string_view take_line() {
    const size_t end = rest_.find("\r\n");
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end + 2);
    return line;
  }

  std::string take_bulk(size_t length) {
    std::string bytes(rest_.substr(0, length));
    rest_.remove_prefix(length + 2);
    return bytes;
  }

  static size_t number(std::string_view line) {
    size_t value = 0;
    std::from_chars(line.data(), line.data() + line.size(), value);
    return value;
  }

  std::string read_elements(size_t count) {
    std::string text;
    for (size_t i = 0; i < count; i++) text += (i > 0 ? ", " : "") + read();
    return text;
  }

  std::string read_pairs(size_t count) {
    std::string text;
    for (size_t i = 0; i < count; i++) {
      text += (i > 0 ? ", " : "") + read() + ": ";
      text += read();
    }
    return text;
  }

  std::string_view rest_;
};

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const size_t end = std::min(line.find(' '), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return words;
}

}  // namespace

void TestOutlet::deliver(Session& subscriber, std::string_view message) {
  messages_.push_back(fmt::format("{} {}", subscriber.id, readable(message)));
}

void TestObserver::after(const Command& command, CommandContext&, int64_t duration_us, bool failed) {
  events_.push_back(fmt::format("after {} {} us{}", command.full_name, duration_us, failed ? " failed" : ""));
}

std::string CommandTest::run_raw(std::span<const std::string_view> args) {
  std::string bytes;
  protocol::ReplyWriter writer(bytes, session_.resp_version);
  dispatcher_.execute(args, session_, writer);
  return bytes;
}

std::string CommandTest::run(std::string_view line) {
  return readable(run_raw(split(line)));
}

std::string CommandTest::run(std::initializer_list<std::string_view> args) {
  return readable(run_raw({args.begin(), args.size()}));
}

uint64_t CommandTest::dirty_of(std::string_view line) {
  const uint64_t before = keyspace_.dirty();
  run(line);
  return keyspace_.dirty() - before;
}

std::string readable(std::string_view resp) {
  ReplyReader reader(resp);
  std::string text = reader.read();
  return text.append(reader.rest());
}

size_t occurrences(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) count++;
  return count;
}

}  // namespace cowslip::commands
